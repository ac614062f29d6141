"""Answers the operator: are we affected, by when must we act, and what if we cannot patch.

In: an inventory, opened sources, the situation of assets that the inventory does not describe, and
the instant. Out: a `WatchReport`. Refused: nothing here; sources and inventories that cannot be
used were refused when they were read. Nothing leaves this machine, and nothing is written.

1. Name: each component gets the names that documents may call it by.
2. Find: the documents that name one of them come out of the indexes.
3. Judge: each document says of each component what it says.
4. Merge: documents of one flaw become one, and counts once.
5. Date: each hit gets its deadline by the tables.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast

import orjson

from clearhouse.clearing.deconflict.record import KevEntry
from clearhouse.clearing.deliver.watch import deadlines, merging
from clearhouse.clearing.deliver.watch.deadlines import Published
from clearhouse.clearing.deliver.watch.matching import Kind, Word, words
from clearhouse.clearing.deliver.watch.record import (
    DetectionRule,
    Flaw,
    Hit,
    Other,
    Situation,
    Unchecked,
    Urgency,
    WatchReport,
)
from clearhouse.clearing.deliver.watch.sources import Source
from clearhouse.clearing.deliver.watch.targets import Target, targets
from clearhouse.clearing.prioritize.record import KevListing
from clearhouse.formats import csaf_statements, osv_statements
from clearhouse.formats.inventory import Component, Inventory
from clearhouse.formats.osv_statements import StatementError
from clearhouse.formats.statements import Details, Remedy, RemedyKind, Statement

_REMEDIES = (RemedyKind.WORKAROUND, RemedyKind.MITIGATION, RemedyKind.FIX, RemedyKind.NONE)
_WORTH_TELLING: Final = frozenset({Kind.AFFECTED, Kind.UNKNOWN, Kind.INVESTIGATING})
_UNSTATED: Final = Situation()


def am_i_affected(
    inventory: Inventory,
    sources: Sequence[Source],
    *,
    at: datetime,
    situation: Situation = _UNSTATED,
    name: str | None = None,
) -> WatchReport:
    """Answer for an inventory. `name` is what the report calls it; its subject when None.

    Raises: IndexFaultError when an index is damaged; building it anew helps.
    """
    kinds = {kind for one in sources if one.index for kind in one.index.kinds}
    wanted, unchecked = targets(inventory.components, kinds)
    unchecked += [
        Unchecked(component=None, reason=one.reason, place=one.place, action="correct the entry")
        for one in inventory.skipped
    ]
    read, unreadable = _read_about(wanted, sources)
    living = [one for one in read if one.statement.withdrawn is None]
    found = _Answer(sources, situation, at)
    flaws = found.flaws(living, words(wanted, [(one.place, one.statement) for one in living]))
    return WatchReport(
        at=at,
        inventory=name or inventory.subject or "this inventory",
        format=inventory.format,
        origins=tuple(one.origin for one in sources),
        components=len(inventory.components) + len(inventory.skipped),
        flaws=tuple(sorted((one for one in flaws if one.hits), key=lambda one: _order(one, at))),
        investigating=tuple(one for one in flaws if one.investigating),
        unchecked=(*unchecked, *unreadable, *found.unchecked),
        withdrawn=len(read) - len(living),
        policies=deadlines.policies(),
    )


def _order(flaw: Flaw, at: datetime) -> tuple[object, ...]:
    return (*deadlines.rank(flaw.first.urgency, at), -len(flaw.hits), flaw.id)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Read:
    """One flaw of one document, with what is needed to read on."""

    place: str
    statement: Statement
    fields: Mapping[str, object]
    index: int
    rules: tuple[DetectionRule, ...] = ()

    def details(self) -> Details:
        """Read the rest."""
        if self.statement.form == "csaf":
            return csaf_statements.details(self.fields, self.index)
        return osv_statements.details(self.fields)


def _read_about(
    wanted: Sequence[Target], sources: Sequence[Source]
) -> tuple[list[_Read], list[Unchecked]]:
    """Return what the documents about the components say, each with its file."""
    keys = list(dict.fromkeys(key for target in wanted for key, _ in target.names))
    found: list[_Read] = []
    unreadable: list[Unchecked] = []
    for source in sources:
        for one in source.index.about(keys) if source.index is not None else ():
            try:
                found += _read(one.form, one.place, one.body, source.rules.get(one.place, ()))
            except StatementError as error:
                unreadable.append(_document(one.place, str(error)))
    unreadable += [_document(one.place, fault) for one in found for fault in one.statement.faults]
    return found, unreadable


def _read(form: str, place: str, body: bytes, rules: tuple[DetectionRule, ...]) -> list[_Read]:
    fields = orjson.loads(body)
    read = csaf_statements.read(fields) if form == "csaf" else (osv_statements.read(fields),)
    return [
        _Read(place=place, statement=one, fields=fields, index=index, rules=rules)
        for index, one in enumerate(read)
    ]


def _document(place: str, reason: str) -> Unchecked:
    action = "tell whoever published it; check its text by hand"
    return Unchecked(component=None, reason=reason, place=place, action=action, of_inventory=False)


class _Answer:
    """Puts flaws together; what stays undecided gathers in `unchecked`."""

    def __init__(self, sources: Sequence[Source], situation: Situation, at: datetime) -> None:
        self.unchecked: list[Unchecked] = []
        self._kev: dict[str, KevEntry] = {}
        for source in sources:
            self._kev |= source.kev
        self._situation = situation
        self._at = at

    def flaws(self, read: Sequence[_Read], said: Iterable[Word]) -> list[Flaw]:
        by_statement: dict[int, list[Word]] = {}
        for word in said:
            by_statement.setdefault(id(word.statement), []).append(word)
        whole = {id(one.statement): one for one in read}
        grouped = merging.groups(
            [one.statement for one in read if id(one.statement) in by_statement]
        )
        found = []
        for group in grouped:
            told = [word for one in group for word in by_statement[id(one)]]
            if any(word.kind in _WORTH_TELLING for word in told):
                found.append(self._flaw([whole[id(one)] for one in group], told))
        return found

    def _flaw(self, read: Sequence[_Read], said: Sequence[Word]) -> Flaw:
        group = [one.statement for one in read]
        details = [one.details() for one in read]
        published = self._published(group, details)
        of_component: dict[int, list[Word]] = {}
        for word in said:
            of_component.setdefault(id(word.target), []).append(word)
        hits: list[Hit] = []
        cleared: list[Other] = []
        investigating: list[Other] = []
        for told in of_component.values():
            affected = [one for one in told if one.kind is Kind.AFFECTED]
            vendor = [one for one in told if one.kind is Kind.CLEARED and one.statement.by_vendor]
            if affected and vendor:
                cleared.append(_other(vendor[0]))
            elif affected:
                hits.append(self._hit(published, affected, told))
            elif any(one.kind is Kind.INVESTIGATING for one in told):
                investigating += [_other(one) for one in told if one.kind is Kind.INVESTIGATING][:1]
            elif all(one.kind is Kind.UNKNOWN for one in told):
                self.unchecked.append(_undecided(told[0], published.id))
        hits.sort(key=lambda one: (deadlines.rank(one.urgency, self._at), one.component.place))
        return Flaw(
            id=published.id,
            ids=merging.spelled(group),
            title=next((one.title for one in details if one.title), published.id),
            published=published.published,
            vectors=published.vectors,
            kev=published.kev,
            remedies=_remedies(details, {one.product for one in said if one.kind is Kind.AFFECTED}),
            links=tuple(dict.fromkeys(link for one in details for link in one.links)),
            documents=tuple(dict.fromkeys(one.document for one in group)),
            hits=tuple(hits),
            investigating=tuple(investigating),
            cleared=tuple(cleared),
            rules=self._rules(read),
        )

    def _rules(self, read: Sequence[_Read]) -> tuple[DetectionRule, ...]:
        """Return the rules of all documents of a flaw, each once, without those that expired."""
        today = self._at.astimezone(UTC).date()
        found = {one.rule.id: one for each in read for one in each.rules}
        return tuple(one for one in found.values() if one.rule.expires > today)

    def _published(self, group: Sequence[Statement], details: Sequence[Details]) -> Published:
        ids = merging.spelled(group)
        dates = [one.published for one in details if one.published is not None]
        return Published(
            id=ids[0],
            published=min(dates, default=None),
            vectors=tuple(dict.fromkeys(vector for one in details for vector in one.vectors)),
            cwes=tuple(dict.fromkeys(cwe for one in details for cwe in one.cwes)),
            kev=self._listing([*ids, *(name for one in group for name in one.upstream)]),
            kev_checked=bool(self._kev),
            exploited=any(one.exploited for one in details),
            demonstrated=any(one.demonstrated for one in details),
        )

    def _listing(self, ids: Iterable[str]) -> KevListing | None:
        entries = [entry for one in ids if (entry := self._kev.get(one.upper())) is not None]
        if not entries:
            return None
        first = min(entries, key=lambda one: (one.added, one.cve))
        return KevListing(id=first.cve, added=first.added.isoformat(), ransomware=first.ransomware)

    def _hit(self, flaw: Published, affected: Sequence[Word], told: Sequence[Word]) -> Hit:
        first = affected[0]
        denied = [one for one in told if one.kind in {Kind.CLEARED, Kind.OUTSIDE}]
        note = first.note
        if denied:
            others = ", ".join(dict.fromkeys(one.statement.document for one in denied))
            note = f"{others} says that this version is not affected; the graver word counts"
        return Hit(
            component=first.target.component,
            version=first.version,
            fixed_in=next((one.fixed_in for one in affected if one.fixed_in), None),
            documents=tuple(dict.fromkeys(one.statement.document for one in affected)),
            urgency=self._urgency(flaw, first.target.component),
            note=note,
        )

    def _urgency(self, flaw: Published, component: Component) -> Urgency:
        exposure = component.exposure or self._situation.exposure
        impact = component.human_impact or self._situation.human_impact
        return deadlines.urgency(flaw, exposure=exposure, human_impact=impact, at=self._at)


def _other(word: Word) -> Other:
    return Other(
        component=word.target.component, reason=word.reason, document=word.statement.document
    )


def _undecided(word: Word, flaw: str) -> Unchecked:
    return Unchecked(
        component=word.target.component,
        reason=f"{flaw}: {word.reason}",
        place=word.place,
        action="compare the versions by hand",
        of_inventory=False,
    )


def _remedies(details: Sequence[Details], products: set[str | None]) -> tuple[Remedy, ...]:
    """Return what can be done about the products that are affected, workarounds first."""
    listed: Iterator[Remedy] = (
        one
        for each in details
        for one in each.remedies
        if not one.products or one.products & cast("set[str]", products)
    )
    return tuple(sorted({(one.kind, one.text): one for one in listed}.values(), key=_remedy_order))


def _remedy_order(one: Remedy) -> int:
    return _REMEDIES.index(one.kind)
