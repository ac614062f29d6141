"""Whether a GitHub security advisory can be acted upon.

In: a parsed advisory in the shape of GitHub's REST interface, and the reader's clock. Out: every
fault with its place. Refused: nothing here raises. The older GraphQL shape has its own reader in
intake and is not judged here.
Source: GitHub REST API, repository and global security advisories.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from clearhouse.formats import cvss, vers
from clearhouse.formats import purl as purls
from clearhouse.formats.ecosystems import package_of
from clearhouse.formats.fault import Fault, at, future
from clearhouse.formats.strict_json import Json

_RULE: Final = "ghsa"
_SEVERITIES: Final = ("low", "medium", "moderate", "high", "critical", None)
_BOUND: Final = re.compile(r"(>=|<=|<|>|=)\s*(\S+)")


def faults(advisory: Mapping[str, Json], now: datetime) -> Iterator[Fault]:
    """Yield everything that is wrong with an advisory."""
    if not isinstance(advisory.get("summary"), str) or not advisory.get("summary"):
        yield _fault("/summary", "is missing")
    if advisory.get("severity") not in _SEVERITIES:
        yield _fault("/severity", "is no rating of GitHub")
    for name in ("published_at", "updated_at", "withdrawn_at"):
        if advisory.get(name) is not None:
            yield from future(advisory[name], at("", name), now, _RULE)
    scores = advisory.get("cvss_severities")
    for name, score in (scores if isinstance(scores, dict) else {}).items():
        yield from _score(score, at("/cvss_severities", name))
    vulnerabilities = advisory.get("vulnerabilities")
    if not isinstance(vulnerabilities, list) or not vulnerabilities:
        yield _fault("/vulnerabilities", "names no package")
        return
    for index, one in enumerate(vulnerabilities):
        yield from _vulnerability(one, at("/vulnerabilities", index))


def _fault(place: str, reason: str) -> Fault:
    return Fault(place=place, reason=reason, rule=_RULE)


def _score(score: Json, place: str) -> Iterator[Fault]:
    vector = score.get("vector_string") if isinstance(score, dict) else None
    if vector is not None:
        try:
            cvss.parse(str(vector))
        except cvss.CvssError as error:
            yield _fault(at(place, "vector_string"), str(error))


def _vulnerability(one: Json, place: str) -> Iterator[Fault]:
    package = one.get("package") if isinstance(one, dict) else None
    if not isinstance(one, dict) or not isinstance(package, dict) or not package.get("name"):
        yield _fault(at(place, "package"), "names no package")
        return
    text = one.get("vulnerable_version_range")
    if text in (None, ""):
        return
    where = at(place, "vulnerable_version_range")
    bounds = [_BOUND.fullmatch(part.strip()) for part in str(text).split(",")]
    if not all(bounds):
        yield _fault(where, "is not written as GitHub writes ranges")
        return
    found = package_of(str(package.get("ecosystem")), str(package["name"]))
    scheme = vers.scheme_of(purls.parse(found).type) if found else None
    pairs = [(bound[1], bound[2]) for bound in bounds if bound is not None]
    if scheme is not None and _is_empty(scheme, pairs):
        yield _fault(where, "ends before it begins")


def _is_empty(scheme: str, pairs: list[tuple[str, str]]) -> bool:
    """Answer whether no version can be within; what cannot be ordered is let be."""
    starts = [version for sign, version in pairs if sign.startswith(">")]
    ends = [version for sign, version in pairs if sign.startswith("<")]
    try:
        return any(vers.compare(scheme, end, start) < 0 for start in starts for end in ends)
    except vers.VersError:
        return False
