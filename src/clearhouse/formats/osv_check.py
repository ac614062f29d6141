"""Whether an OSV document can be acted upon: its shape, its dates, and ranges that can be true.

In: a parsed document and the reader's clock. Out: every fault with its place. Refused: nothing
here raises. Ranges are compared in the order of the package's own ecosystem; where that order is
not known, nothing is said about them.
Source: OSV schema 1.7.5, `affected[].ranges[].events[]` and its evaluation rules.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cmp_to_key, partial
from typing import Final

from clearhouse.formats import osv, vers
from clearhouse.formats import purl as purls
from clearhouse.formats.fault import Fault, at, future, instant_of
from clearhouse.formats.strict_json import Json

_RULE: Final = "osv"
_INDEX: Final = re.compile(r"\[(\d+)\]")
_TIES: Final = ("fixed", "introduced", "last_affected", "limit")


def faults(document: Mapping[str, Json], now: datetime) -> Iterator[Fault]:
    """Yield everything that is wrong with a document."""
    for problem in osv.problems(document):
        place, _, reason = problem.partition(": ")
        yield Fault(place=_pointer(place), reason=reason, rule=_RULE)
    for name in ("published", "modified", "withdrawn"):
        if name in document and instant_of(document[name]) is not None:
            yield from future(document[name], at("", name), now, _RULE)
    affected = document.get("affected")
    for index, one in enumerate(affected if isinstance(affected, list) else []):
        if isinstance(one, dict):
            yield from _impossible(one, at("", "affected", index))


def _pointer(place: str) -> str:
    return "/" + _INDEX.sub(r"/\1", place).replace(".", "/")


def _impossible(affected: dict[str, Json], place: str) -> Iterator[Fault]:
    ranges = affected.get("ranges")
    for index, one in enumerate(ranges if isinstance(ranges, list) else []):
        if not isinstance(one, dict) or not isinstance(one.get("events"), list):
            continue
        scheme = _scheme(affected, one)
        if scheme is not None:
            yield from _events(one["events"], scheme, at(place, "ranges", index, "events"))


def _scheme(affected: dict[str, Json], one: dict[str, Json]) -> str | None:
    """Return the order of versions that a range is written in; None where it is not known."""
    if one.get("type") == "SEMVER":
        return "semver"
    package = affected.get("package")
    if one.get("type") != "ECOSYSTEM" or not isinstance(package, dict):
        return None
    named = purls.purl_of(str(package.get("ecosystem")), str(package.get("name")))
    kind = None if named is None else purls.parse(named).type
    return None if kind in {None, "generic", "github"} else vers.scheme_of(str(kind))


def _events(events: Json, scheme: str, place: str) -> Iterator[Fault]:
    """Sort the events as readers do, and follow them: each stretch begins before it ends."""
    points = [
        (str(version), kind)
        for event in (events if isinstance(events, list) else [])
        if isinstance(event, dict)
        for kind, version in event.items()
        if kind in _TIES and version != "*"
    ]
    try:
        ordered = sorted(points, key=cmp_to_key(partial(_before, scheme)))
    except vers.VersError:
        yield Fault(place=place, reason="has a version that its ecosystem cannot order", rule=_RULE)
        return
    is_open = False
    for _, kind in ordered:
        if kind == "introduced":
            is_open = True
        elif not is_open:
            yield Fault(place=place, reason="a range ends before it begins", rule=_RULE)
            return
        elif kind != "limit":
            is_open = False


def _before(scheme: str, one: tuple[str, str], two: tuple[str, str]) -> int:
    if "0" in {one[0], two[0]}:
        sign = (one[0] != "0") - (two[0] != "0")
    else:
        sign = vers.compare(scheme, one[0], two[0])
    return sign or _TIES.index(one[1]) - _TIES.index(two[1])
