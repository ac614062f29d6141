"""Make the small office from a seed: two weeks, quiet and attacked, as a signed-able pack.

The same seed gives the same events under the same ids on every machine. More hosts or more pace
make a load to measure with; the truth stays as complete.
"""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from clearhouse.defense.scenario.event import Event, SourceKind
from clearhouse.defense.scenario.office.attack import ATTACK_VERSION, Attack
from clearhouse.defense.scenario.office.elsewhere import ELSEWHERE
from clearhouse.defense.scenario.office.intrusions import INTRUSIONS
from clearhouse.defense.scenario.office.logs import Logs
from clearhouse.defense.scenario.office.ordinary import Day, write_day
from clearhouse.defense.scenario.office.questions import questions
from clearhouse.defense.scenario.pack import Pack, Scenario, read_pack, write_pack
from clearhouse.defense.scenario.recording import write
from clearhouse.defense.scenario.truth import Truth

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
_WEEK = 7
VERSION = "2"


def office(folder: Path, *, seed: int = 1, pace: float = 1.0) -> Pack:
    """Make the pack in `folder`, or read it when it stands there already.

    Raises: PackError when something else stands there.
    """
    if (folder / "manifest.json").is_file():
        return read_pack(folder)
    chance = random.Random(seed)  # noqa: S311 - a made-up office, not a secret
    write((event for day in quiet_week(chance, pace) for event in day), folder / "history")
    attacked, truths = attacked_week(chance, pace)
    write(attacked, folder / "events")
    return write_pack(folder, _scenario(seed, pace), truths, questions(truths))


def quiet_week(chance: random.Random, pace: float) -> Iterator[list[Event]]:
    """Yield the events of each day of a week without attacks."""
    for number in range(_WEEK):
        day = Day(start=MONDAY + timedelta(days=number), logs=Logs(chance=chance), pace=pace)
        write_day(day)
        yield day.logs.events


def attacked_week(chance: random.Random, pace: float) -> tuple[list[Event], list[Truth]]:
    """Return the second week's events, and what of them is an attack or looks like one."""
    events: list[Event] = []
    truths: list[Truth] = []
    for number in range(_WEEK):
        day = Day(
            start=MONDAY + timedelta(days=_WEEK + number), logs=Logs(chance=chance), pace=pace
        )
        truths += write_day(day)
        events += day.logs.events
    for place, script in enumerate((*INTRUSIONS, *ELSEWHERE)):
        attack = Attack(
            name=script.__name__.replace("_", "-"),
            now=_begins(place, script, chance),
            logs=Logs(chance=chance),
        )
        script(attack)
        events += attack.logs.events
        truths += attack.truths
    truths.sort(key=lambda one: (one.start, one.id))
    return events, truths


def _begins(place: int, script: Callable[[Attack], None], chance: random.Random) -> datetime:
    """Spread the attacks over the week; uploads and ransom come at night."""
    hour = 2.0 if script.__name__ in {"bulk_upload", "ransom", "replication"} else 9.0
    hour += chance.uniform(0, 6)
    return MONDAY + timedelta(days=_WEEK + place * 6 // 16, hours=hour)


def _scenario(seed: int, pace: float) -> Scenario:
    return Scenario(
        id="small-office",
        version=f"{VERSION}.{seed}" + ("" if pace == 1.0 else f".{pace:g}"),
        title="A small clinic, two weeks",
        licence="Apache-2.0",
        provenance="made by clearhouse from a seed; nobody's data is in it",
        environment="nine desks, a domain controller, a file server, a sensor and a cloud account",
        telemetry=(
            SourceKind.WINDOWS, SourceKind.SURICATA, SourceKind.AUDITD, SourceKind.CLOUDTRAIL,
        ),
        attack_version=ATTACK_VERSION,
        benign=True,
        lab_names=("kestrel", "praxis"),
    )  # fmt: skip
