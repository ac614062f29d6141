"""What the facts come to, before any format: read once, so that all formats say the same.

In: `AdvisoryFacts`. Out: `Content`, with ids, vectors and links in the spelling that the formats
take, and a list of what had to be left out. Refused, with every reason: facts from which no honest
advisory can be made.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from clearhouse.clearing.publish import compose
from clearhouse.clearing.publish.record import AdvisoryFacts, Reference, Refusal
from clearhouse.clearing.publish.versions import (
    AffectedVersions,
    Impossible,
    affected_versions,
)
from clearhouse.formats import cvss
from clearhouse.formats.identifiers import vulnerability_id

_ID: Final = re.compile(r"CLR-\d{4}-\d{5,}", re.ASCII)
_UUID_4: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE
)
_PLAIN: Final = re.compile(r"[!-~]+")
_CVSS_4: Final = (
    "AV AC AT PR UI VC VI VA SC SI SA E CR IR AR "
    "MAV MAC MAT MPR MUI MVC MVI MVA MSC MSI MSA S AU R V RE U"
)
"""The order that CVSS 4.0 prescribes. Source: CVSS v4.0, section 7."""
_PREFERRED: Final = ("4.0", "3.1", "3.0", "2.0")


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """The facts, read."""

    facts: AdvisoryFacts
    affected: AffectedVersions
    cve: str | None
    aliases: tuple[str, ...]
    """Ids of the same flaw elsewhere, the CVE id among them."""
    cwes: tuple[str, ...]
    vectors: tuple[str, ...]
    """One of CVSS 4.0, one of 3.x and one of 2.0 at most, newest first."""
    references: tuple[Reference, ...]
    left_out: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Every id of the flaw, the one that others know it by first."""
        own = self.facts.id
        return (self.cve, own, *self._others) if self.cve else (own, *self._others)

    @property
    def _others(self) -> tuple[str, ...]:
        return tuple(one for one in self.aliases if one != self.cve)

    @property
    def published(self) -> datetime:
        """When the first issue came out."""
        return self.facts.revisions[0].at

    @property
    def modified(self) -> datetime:
        """When the newest issue came out."""
        return self.facts.revisions[-1].at


def read(facts: AdvisoryFacts) -> Content | tuple[Refusal, ...]:
    """Read the facts, or say everything that stands against an advisory of them."""
    affected = affected_versions(facts.purl, facts.affected_claims, facts.fixed_versions)
    aliases = _aliases(facts)
    cves = [one for one in aliases if one.startswith("CVE-")]
    refusals = [*_refusals(facts, cves)]
    if isinstance(affected, Impossible):
        refusals += [Refusal(code="affected-versions", reason=one) for one in affected.reasons]
        return tuple(refusals)
    if refusals:
        return tuple(refusals)
    vectors = _vectors(facts)
    return Content(
        facts=facts,
        affected=affected,
        cve=cves[0] if cves else None,
        aliases=aliases,
        cwes=tuple(dict.fromkeys(one for one in facts.cwes if compose.CWE_ID.fullmatch(one))),
        vectors=tuple(vectors.values()),
        references=tuple(
            dict.fromkeys(one for one in facts.references if compose.is_web_address(one.url))
        ),
        left_out=tuple(_left_out(facts, aliases, vectors)),
    )


def _refusals(facts: AdvisoryFacts, cves: list[str]) -> Iterator[Refusal]:
    if not _ID.fullmatch(facts.id):
        yield Refusal(code="id", reason="an advisory id is CLR-<year>-<number of 5 digits or more>")
    if len(cves) > 1:
        yield Refusal(
            code="several-cves",
            reason=f"{', '.join(cves)} stand for one flaw; one advisory has one CVE id",
        )
    dates = [one.at for one in facts.revisions]
    if not dates or dates != sorted(dates):
        yield Refusal(code="revisions", reason="the issues are missing or not in their order")
    yield from _impossible_dates(facts)
    if not compose.is_web_address(facts.publisher.namespace) or not facts.publisher.name.strip():
        yield Refusal(code="publisher", reason="the publisher needs a name and a web address")
    cna = facts.publisher.cna
    if cna is not None and not _UUID_4.fullmatch(cna.org_id):
        yield Refusal(code="publisher", reason="cna_org_id is no UUID of version 4")
    if facts.withdrawn is not None and len(facts.revisions) < 2:
        yield Refusal(code="revisions", reason="what was never published cannot be withdrawn")
    if facts.withdrawn is not None and not compose.clean(facts.withdrawn.reason):
        yield Refusal(code="withdrawal", reason="a withdrawal needs a reason for the public")


def _impossible_dates(facts: AdvisoryFacts) -> Iterator[Refusal]:
    """Nothing that an advisory tells happened after it was issued."""
    newest = max((one.at for one in facts.revisions), default=None)
    told = {
        "the exploitation": facts.exploited_since,
        "the vendor's word": facts.vendor.at if facts.vendor else None,
        "the timeline": max((one.at for one in facts.timeline), default=None),
        "the withdrawal": facts.withdrawn.at if facts.withdrawn else None,
    }
    for what, at in told.items():
        if newest is not None and at is not None and at > newest:
            yield Refusal(code="dates", reason=f"{what} is dated after the newest issue")


def _aliases(facts: AdvisoryFacts) -> tuple[str, ...]:
    spelled = (vulnerability_id(one) for one in facts.aliases if _PLAIN.fullmatch(one))
    return tuple(sorted({one for one in spelled if one is not None}))


def _vectors(facts: AdvisoryFacts) -> dict[str, str]:
    """Return one vector for each generation of CVSS, the first of its newest version."""
    found: dict[str, str] = {}
    for version in _PREFERRED:
        for vector in facts.cvss_vectors:
            score = _score(vector)
            if score is not None and score.version == version:
                found.setdefault(version[0], _spelled(score))
    return found


def _score(vector: str) -> cvss.Score | None:
    try:
        return cvss.parse(vector)
    except cvss.CvssError:
        return None


def _spelled(score: cvss.Score) -> str:
    if score.version != "4.0":
        return score.vector
    metrics = dict(score.metrics)
    parts = [f"{name}:{metrics[name]}" for name in _CVSS_4.split() if name in metrics]
    return "/".join(["CVSS:4.0", *parts])


def _left_out(
    facts: AdvisoryFacts, aliases: tuple[str, ...], vectors: dict[str, str]
) -> Iterator[str]:
    """Say what the facts hold and no document will, without repeating it."""
    counts = (
        (len(facts.aliases) - len(aliases), "ids that are no id of a known database, or repeated"),
        (len(facts.cvss_vectors) - len(vectors), "CVSS vectors beyond one of each generation"),
        (sum(not compose.is_web_address(one.url) for one in facts.references), "unsafe links"),
        (sum(not compose.CWE_ID.fullmatch(one) for one in facts.cwes), "malformed weakness ids"),
    )
    for count, what in counts:
        if count:
            yield f"{count} {what}"
