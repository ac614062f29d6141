"""Who was let into a case, asked to be, or kept out of it: the log that is exported.

In: a case and the names of actors. Out: one row a read-in, a request that was not granted or a
conflict of interest, in the order in which they came; as records, or as CSV. Refused: nothing; the
log holds what the case holds, so it goes only to who may read people in.
Source: the columns follow the read-in log of the Akrites SIRT.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from clearhouse.clearing.coordinate.record import Case, Conflict, Participant, Request
from clearhouse.formats import spreadsheet


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One row."""

    case_id: str
    requested: datetime
    nominee: str
    nominee_id: str
    organisation: str
    nominated_by: str
    tier: int | None
    need_to_know: str
    approved_by: str
    granted: datetime | None
    """None when it was never granted."""
    emergency: bool
    expires: str
    """An instant, or public disclosure."""
    ended: datetime | None
    ended_because: str
    notes: str


def entries(case: Case, names: Mapping[str, str]) -> tuple[Entry, ...]:
    """Return the rows of a case; an id without a name stands for itself."""
    rows = [_read_in(case, one, names) for one in case.participants]
    rows += [_request(case, one, names) for one in _ungranted(case)]
    rows += [_conflict(case, one, names) for one in case.conflicts]
    return tuple(sorted(rows, key=lambda row: (row.requested, row.nominee_id)))


def ids(case: Case) -> frozenset[str]:
    """Return the ids of actors and parties that the log names."""
    named = {one for person in case.participants for one in (person.actor, *person.approved_by)}
    named |= {one.by for one in case.requests} | {one.actor for one in case.conflicts}
    named |= {asked.read_in.actor for asked in case.requests if asked.read_in is not None}
    return frozenset(named | {one.by for one in case.conflicts})


def as_csv(rows: tuple[Entry, ...]) -> str:
    """Return the rows as CSV, a header first; cells that a spreadsheet would compute are quoted."""
    return "".join(
        spreadsheet.lines(
            [field.name for field in fields(Entry)], [[*asdict(row).values()] for row in rows]
        )
    )


def _ungranted(case: Case) -> Iterator[Request]:
    return (one for one in case.requests if one.read_in is not None and not one.granted)


def _read_in(case: Case, one: Participant, names: Mapping[str, str]) -> Entry:
    asked = next(
        (
            asked
            for asked in case.requests
            if asked.granted
            and asked.read_in is not None
            and (asked.read_in.actor, asked.decided_at) == (one.actor, one.read_in_at)
        ),
        None,
    )
    look = one.review
    return Entry(
        case_id=case.id,
        requested=one.read_in_at if asked is None else asked.at,
        nominee=names.get(one.actor, one.actor),
        nominee_id=one.actor,
        organisation=_party(case, one.party),
        nominated_by=names.get(one.approved_by[0], one.approved_by[0]),
        tier=one.tier,
        need_to_know=one.reason or "",
        approved_by="; ".join(names.get(by, by) for by in one.approved_by),
        granted=one.read_in_at,
        emergency=look is not None,
        expires=one.expires_at.isoformat() if one.expires_at else "public disclosure",
        ended=one.revoked_at,
        ended_because=one.revoked_because or "",
        notes="" if look is None else _looked(look.upheld, look.because),
    )


def _looked(upheld: bool | None, because: str | None) -> str:
    if upheld is None:
        return "emergency; nobody has reviewed it yet"
    return f"emergency; {'upheld' if upheld else 'not upheld'}: {because or 'no reason given'}"


def _request(case: Case, asked: Request, names: Mapping[str, str]) -> Entry:
    if asked.read_in is None:
        raise ValueError("this request lets nobody in")
    wanted = asked.read_in
    return Entry(
        case_id=case.id,
        requested=asked.at,
        nominee=names.get(wanted.actor, wanted.actor),
        nominee_id=wanted.actor,
        organisation=_party(case, wanted.party),
        nominated_by=names.get(asked.by, asked.by),
        tier=wanted.tier,
        need_to_know=asked.reason,
        approved_by="",
        granted=None,
        emergency=False,
        expires="",
        ended=asked.decided_at,
        ended_because=asked.because or "",
        notes="waits for a second person" if asked.granted is None else "refused",
    )


def _conflict(case: Case, one: Conflict, names: Mapping[str, str]) -> Entry:
    return Entry(
        case_id=case.id,
        requested=one.at,
        nominee=names.get(one.actor, one.actor),
        nominee_id=one.actor,
        organisation="",
        nominated_by=names.get(one.by, one.by),
        tier=None,
        need_to_know="",
        approved_by="",
        granted=None,
        emergency=False,
        expires="",
        ended=one.lifted_at,
        ended_because=one.lifted_because or "",
        notes=f"kept out, conflict of interest: {one.what}",
    )


def _party(case: Case, party_id: str) -> str:
    found = case.party(party_id)
    return party_id if found is None else found.name
