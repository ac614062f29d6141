"""Judge what the runs of a bundle show: pure, from answers to level, verdict and reason.

REPRODUCED needs everything at once: the oracle fires every time on the vulnerable version, never on
the fixed one, also on twins that do the same and look like the other version, and the target itself
ran code that differs between the two. Anything less is named as what it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from clearhouse.clearing.validate.record import Doubt, Level, VerdictKind
from clearhouse.clearing.validate.reproduce import chance
from clearhouse.clearing.validate.reproduce.attribution import Reached


@dataclass(frozen=True, kw_only=True, slots=True)
class Runs:
    """The oracle's answers, in the order of each side's runs."""

    vulnerable: tuple[bool, ...]
    fixed: tuple[bool, ...] | None
    """None when the bundle names no fixed version."""
    vulnerable_twin: bool | None = None
    fixed_twin: bool | None = None
    """Answers on twins that do the same and look otherwise."""
    by_chance: float = 0.0
    """How often a proof that does not know its side would agree like this, at most."""
    cut_short: bool = False
    """Whether a limit ended a run before it showed anything: its silence is no answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """What the runs establish."""

    level: Level
    kind: VerdictKind
    reason: str
    doubt: Doubt | None = None
    not_established: tuple[str, ...] = ()


def judge(runs: Runs, reached: Reached | None, *, changed: bool | None, noun: str) -> Ruling:
    """Decide from all answers; `noun` names the oracle in the reason.

    `reached` is None when nothing was traced; `changed` says whether code that differs between the
    two versions ran, None when there is no fixed version.
    """
    count = len(runs.vulnerable)
    fired = sum(runs.vulnerable)
    if runs.cut_short and (fired < count or not count):
        return _doubt(Level.E0, Doubt.ENVIRONMENT, _unfinished(fired, count, noun), _FINISHED)
    if fired == 0:
        return _not_reproduced(count, noun)
    if fired < count:
        return _doubt(
            Level.E0, Doubt.FLAKY, f"The {noun} fired in {fired} of {count} runs.", _FLAKY
        )
    attributed = reached is not None and bool(reached.functions) and not reached.inspected
    level = Level.E4 if attributed else Level.E3
    if runs.fixed is None:
        return _doubt(level, Doubt.ORACLE, _without_control(count, noun), _CONTROL)
    return _controlled(runs, runs.fixed, level, reached, changed=changed, noun=noun)


def _controlled(  # what `judge` was asked, and what it found so far
    runs: Runs,
    fixed: tuple[bool, ...],
    level: Level,
    reached: Reached | None,
    *,
    changed: bool | None,
    noun: str,
) -> Ruling:
    """Decide, when the oracle fires on the vulnerable version, by what the fixed one shows."""
    silent = len(fixed) - sum(fixed)
    if silent == 0:
        return _doubt(level, Doubt.ORACLE, _fires_on_both(noun), _DIFFERENCE)
    if silent < len(fixed):
        reason = f"On the fixed version the {noun} fired in {sum(fixed)} runs."
        return _doubt(level, Doubt.FLAKY, reason, _DIFFERENCE)
    if runs.cut_short:
        reason = "On the fixed version a run was ended by its limit before it showed anything."
        return _doubt(level, Doubt.ENVIRONMENT, reason, _DIFFERENCE)
    return _differential(runs, reached, changed=changed, noun=noun)


def _differential(
    runs: Runs, reached: Reached | None, *, changed: bool | None, noun: str
) -> Ruling:
    """Decide, when the oracle tells the versions apart, whether it did so by running the target."""
    if runs.vulnerable_twin is False or runs.fixed_twin is True:
        return _doubt(
            Level.E3,
            Doubt.ATTRIBUTION,
            f"The {noun} follows what the target's files look like, not what they do.",
            _TARGET,
        )
    if reached is None or not reached.noted:
        return _doubt(
            Level.E3, Doubt.ATTRIBUTION, "What the proof made the target do is not known.", _TARGET
        )
    if reached.inspected:
        return _doubt(
            Level.E3,
            Doubt.ATTRIBUTION,
            f"The proof reads the target's files as data ({reached.inspected[0]}).",
            _TARGET,
        )
    if not reached.functions:
        return _doubt(
            Level.E3,
            Doubt.ATTRIBUTION,
            "No function of the target ran beyond loading it; the proof speaks for itself alone.",
            _TARGET,
        )
    if not changed:
        return _doubt(
            Level.E4,
            Doubt.ATTRIBUTION,
            "The versions were told apart, but nothing that differs between them ran.",
            _TARGET,
        )
    vulnerable, fixed = len(runs.vulnerable), len(runs.fixed or ())
    return Ruling(
        level=Level.E5,
        kind=VerdictKind.REPRODUCED,
        reason=f"The {noun} fired in {vulnerable} of {vulnerable} runs on the vulnerable version "
        f"and in none of {fixed} on the fixed one, through {_names(reached.functions)}.",
        not_established=(_SCOPE, PATCH_UNCHECKED, _CONFIRMED, *_chance(runs)),
    )


def _chance(runs: Runs) -> tuple[str, ...]:
    """Say what chance is left where the runs were too long to make it as small as it is else."""
    if runs.by_chance <= chance.MOST:
        return ()
    words = f"Not excluded: chance, in at most 1 of {1 / runs.by_chance:,.0f} cases."
    return (f"{words} The runs take too long for more of them.",)


_SCOPE = "Not checked: that the flaw is inside the project's threat model."
PATCH_UNCHECKED = "Not checked: a patch."
_CONFIRMED = "Not confirmed by an independent run or the vendor."
_FINISHED = "Not established: what a run shows that is given all the time it needs."
_FLAKY = "Not established: that the observation repeats."
_CONTROL = "Not established: that the observation is absent where the flaw is."
_DIFFERENCE = "Not established: that the observation depends on the flaw."
_TARGET = "Not established: that the target makes the observation happen."


def _not_reproduced(count: int, noun: str) -> Ruling:
    return Ruling(
        level=Level.E0,
        kind=VerdictKind.NOT_REPRODUCED,
        reason=f"The {noun} stayed silent in {count} runs here. That says nothing against the "
        "claim: the proof, its oracle or this environment may be at fault.",
        not_established=("Not established: any effect of the proof in this environment.",),
    )


def _unfinished(fired: int, count: int, noun: str) -> str:
    return (
        f"The {noun} fired in {fired} of {count} runs, and a run was ended by its limit before it "
        "showed anything. That says nothing against the claim."
    )


def _without_control(count: int, noun: str) -> str:
    return (
        f"The {noun} fired in {count} of {count} runs, but the bundle names no fixed version, and "
        "the proof could make this observation by itself."
    )


def _fires_on_both(noun: str) -> str:
    return (
        f"The {noun} fires on the fixed version too: it cannot tell the flaw from something else, "
        "or the fix is incomplete."
    )


def _doubt(level: Level, doubt: Doubt, reason: str, missing: str) -> Ruling:
    return Ruling(
        level=level,
        kind=VerdictKind.INCONCLUSIVE,
        doubt=doubt,
        reason=reason,
        not_established=(missing, _SCOPE),
    )


def _names(functions: Sequence[object]) -> str:
    names = [str(getattr(one, "name", one)) for one in functions]
    more = f" and {len(names) - 3} more functions" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
