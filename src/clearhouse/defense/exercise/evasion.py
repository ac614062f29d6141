"""Evasion: the same act in another spelling.

In: a tool that detects, and a pack. Every command line of an attack is written in the ways that
Windows and shells treat alike (quotes inside words, `/` for `-`, a renamed program, more spaces,
other case, carets). The control changes as many characters of a field that nothing depends on. Out:
how many hits each class keeps. Commands are written, never run, so the loss is an upper bound.
Source: Uetz et al., USENIX Security 2024 (almost half of rules evadable).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from clearhouse.defense.enroll.record import Budget, Tool, View
from clearhouse.defense.exercise.probe import Case, ProbeKind, ProbeResult, result
from clearhouse.defense.scenario.event import Event, EventUid, Scalar, make
from clearhouse.defense.scenario.pack import Pack
from clearhouse.defense.scenario.truth import steps

_RENAMED = "C:\\ProgramData\\hostsvc.exe"
Fields = dict[str, Scalar]


def _quotes(command: str) -> str:
    """Put an empty pair of quotes into every longer word: `whoami` and `who""ami` are the same."""
    words = command.split(" ")
    return " ".join(
        f'{word[:2]}""{word[2:]}' if len(word) > 4 and word.isalnum() else word for word in words
    )


def _swap(command: str) -> str:
    return " ".join(
        f"-{word[1:]}" if word[:1] == "/" else f"/{word[1:]}" if word[:1] == "-" else word
        for word in command.split(" ")
    )


def _spaces(command: str) -> str:
    return command.replace(" ", "  ")


def _case(command: str) -> str:
    return "".join(one.upper() if place % 2 else one.lower() for place, one in enumerate(command))


def _carets(command: str) -> str:
    return " ".join(
        f"{word[:1]}^{word[1:]}" if len(word) > 3 and word.isalpha() else word
        for word in command.split(" ")
    )


SPELLINGS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("quotes inside words", _quotes), ("slash for dash", _swap), ("double spaces", _spaces),
    ("letter case", _case), ("carets", _carets),
)  # fmt: skip
RENAMED = "renamed program"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mutant:
    """One event in two versions."""

    id: str
    group: str
    planted: Event
    control: Event


def mutants(pack: Pack) -> Iterator[Mutant]:
    """Yield every command of an attack in every spelling that changes it."""
    malicious = steps(pack.truths)
    known = pack.events.get([uid for one in malicious for uid in one.events])
    for step in malicious:
        events = [known[EventUid(uid)] for uid in step.events if uid in known]
        for number, event in enumerate(events):
            command = event.fields.get("CommandLine")
            if not isinstance(command, str):
                continue
            for group, change in SPELLINGS:
                spelled = change(command)
                if spelled != command:
                    yield _mutant(f"{step.id}-{number}", group, event, {"CommandLine": spelled})
            image = str(event.fields.get("Image", ""))
            renamed = command.replace(image, _RENAMED)
            changed: Fields = {"Image": _RENAMED, "CommandLine": renamed}
            yield _mutant(f"{step.id}-{number}", RENAMED, event, changed)


def _mutant(name: str, group: str, event: Event, changed: Fields) -> Mutant:
    length = sum(len(str(value)) for value in changed.values())
    quiet = {"CurrentDirectory": "C:\\Users\\Public\\" + "x" * max(0, length - 16)}
    return Mutant(
        id=f"{name}, {group}",
        group=group,
        planted=_changed(event, changed),
        control=_changed(event, dict(quiet)),
    )


def _changed(event: Event, changed: Fields) -> Event:
    return make(
        event.kind, event.at, event.name, {**event.fields, **changed},
        host=event.host, user=event.user,
    )  # fmt: skip


def evade(tool: Tool, pack: Pack, budget: Budget) -> ProbeResult:
    """Detect in both versions; commands that the tool does not find anyhow are left out.

    Raises: ToolFaultError.
    """
    given = list(mutants(pack))
    history = pack.history or ()
    found = _found(tool, [one.control for one in given], history, budget)
    still = _found(tool, [one.planted for one in given], history, budget)
    cases = [
        Case(
            id=one.id,
            group=one.group,
            control_held=True,
            planted_held=one.planted.uid in still,
        )
        for one in given
        if one.control.uid in found
    ]
    return result(tool.name, ProbeKind.EVASION, tuple(cases))


def _found(tool: Tool, events: list[Event], history: object, budget: Budget) -> set[str]:
    ordered = tuple(sorted({one.uid: one for one in events}.values(), key=lambda one: one.at))
    view = View(events=ordered, history=history)  # type: ignore[arg-type]  # a recording or nothing
    return {uid for one in tool.run(view, budget).findings for uid in one.events}
