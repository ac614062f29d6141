"""Whether a CSAF document of somebody else is valid: the schema and every test of section 6.

In: a parsed CSAF 2.0 or 2.1 document. Out: faults of the schema and of the mandatory tests, or of
one test by its number. Refused with `ImportError`: where the extra `advisories` is not installed.

The library `csaf` judges; where the official corpus shows it wrong, `csaf_own_tests` adds to it or
answers instead. CSAF 2.1 is a draft in motion: a document is judged under the newest draft, or
under an older one when only that one's schema takes it. Tests that need the network, a dictionary
or a register that does not exist yet are not attempted, and said to be so.
Source: OASIS, Common Security Advisory Framework 2.0 and 2.1 (CSD 02 to 04), section 6.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import ModuleType
from typing import Final

from clearhouse.formats import csaf_own_tests as own
from clearhouse.formats.fault import Fault
from clearhouse.formats.strict_json import Json

NOT_ATTEMPTED: Final = {
    "6.3.6": "asks the network",
    "6.3.7": "asks the network",
    "6.3.8": "needs a dictionary",
    "6.3.16": "needs a grammar checker",
    "6.2.54.1": "needs the register of extensions, which is not out yet",
    "6.2.54.2": "needs the register of extensions, which is not out yet",
    "6.2.54.4": "needs the register of extensions, which is not out yet",
}
_DRAFTS: Final = ("v21csd04", "v21csd02")
_PARENTS: Final = {"6.1.27", "6.1.60", "6.3.19"}
"""Tests that the library answers as one, although their parts are numbered."""


def faults(document: Mapping[str, Json]) -> Iterator[Fault]:
    """Yield what makes a document invalid: the schema, or else the mandatory tests."""
    rules = _rules(document)
    if rules is None:
        place = "/document/csaf_version"
        yield Fault(place=place, reason="is neither 2.0 nor 2.1", rule="csaf")
        return
    report = rules.validate(dict(document), preset="basic")
    for result in report.results:
        if result.id not in _instead(rules):
            yield from _told(result)
    if next(iter(report.results)).passed:
        for number, test in {**_added(rules), **_instead(rules)}.items():
            if number.startswith("6.1."):
                yield from test(document)


def finds(document: Mapping[str, Json], number: str) -> bool | None:
    """Answer whether one test finds something; None where it is not attempted."""
    rules = _rules(document)
    if rules is None or number in NOT_ATTEMPTED:
        return None
    if number in _instead(rules):
        return any(_instead(rules)[number](document))
    parent = number.rpartition(".")[0]
    asked = parent if parent in _PARENTS and not _knows(rules, number) else number
    report = rules.validate(dict(document), preset="full", only_rules=frozenset({asked}))
    found = any(result.errors for result in report.results if result.id == asked)
    added = _added(rules).get(number)
    return found or (added is not None and any(added(document)))


def _rules(document: Mapping[str, Json]) -> ModuleType | None:
    head = document.get("document")
    version = head.get("csaf_version") if isinstance(head, dict) else None
    if version == "2.0":
        return import_module("csaf.csaf.v20._validator")
    if version != "2.1":
        return None
    drafts = [import_module(f"csaf.csaf.{one}._validator") for one in _DRAFTS]
    taken = (one for one in drafts if one.validate(dict(document), preset="schema").overall_valid)
    return next(taken, drafts[0])


def _is_21(rules: ModuleType) -> bool:
    return ".v21" in rules.__name__


def _added(rules: ModuleType) -> dict[str, own.Test]:
    return own.ADDED if _is_21(rules) else {}


def _instead(rules: ModuleType) -> dict[str, own.Test]:
    return own.INSTEAD if _is_21(rules) else {}


def _knows(rules: ModuleType, number: str) -> bool:
    return number in rules.all_rules()


def _told(result: object) -> Iterator[Fault]:
    """Take over what the library found in one test."""
    number = str(getattr(result, "id", ""))
    for error in getattr(result, "errors", ()):
        place = str(error.instance_path).rstrip("/")
        reason = str(error.message)[:300]
        yield Fault(place=place, reason=reason, rule=f"csaf {number}")
