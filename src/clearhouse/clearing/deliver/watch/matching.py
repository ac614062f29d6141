"""What documents say of the components of an inventory, each pair judged on its own.

In: targets and statements. Out: a `Word` for each component and document that names it. Pure.
Refused: nothing; what cannot be decided is a word of its own, `UNKNOWN` with its reason, and never
"not affected".

Source: OSV schema 1.7.5, evaluation; CSAF 2.0, section 3.2.3.9.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from clearhouse.clearing.deliver.watch.targets import Target, release_fits
from clearhouse.formats.statements import Claim, Statement, Status
from clearhouse.formats.vers import VersError
from clearhouse.formats.version_match import Exactly, ImpossibleRangeError, first_after


class Kind(StrEnum):
    """What a document says of a component, the gravest first."""

    AFFECTED = "affected"
    UNKNOWN = "unknown"
    INVESTIGATING = "investigating"
    CLEARED = "cleared"
    """The document says so of this very version: fixed, or not affected."""
    OUTSIDE = "outside"
    """The version is outside all that is affected."""


_ORDER = (Kind.AFFECTED, Kind.CLEARED, Kind.UNKNOWN, Kind.INVESTIGATING, Kind.OUTSIDE)
"""Which of several claims of one document counts: its word on this version before its doubts."""
_KINDS = {
    Status.AFFECTED: Kind.AFFECTED,
    Status.FIXED: Kind.CLEARED,
    Status.NOT_AFFECTED: Kind.CLEARED,
    Status.INVESTIGATING: Kind.INVESTIGATING,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """What one document says of one component."""

    target: Target
    statement: Statement
    place: str
    """File that the document came from."""
    kind: Kind
    version: str
    reason: str = ""
    fixed_in: str | None = None
    product: str | None = None
    note: str | None = None


def words(wanted: Iterable[Target], statements: Sequence[tuple[str, Statement]]) -> Iterator[Word]:
    """Yield what each document says of each component that it names.

    `statements` are pairs of the file and what stands in it.
    """
    by_key: dict[str, list[tuple[str, Statement, list[Claim]]]] = {}
    for place, statement in statements:
        of_key: dict[str, list[Claim]] = {}
        for claim in statement.claims:
            of_key.setdefault(claim.key, []).append(claim)
        for key, claims in of_key.items():
            by_key.setdefault(key, []).append((place, statement, claims))
    for target in wanted:
        yield from _of_target(target, by_key)


def _of_target(
    target: Target, by_key: Mapping[str, list[tuple[str, Statement, list[Claim]]]]
) -> Iterator[Word]:
    said: set[int] = set()
    for key, version in target.names:
        for place, statement, claims in by_key.get(key, ()):
            if id(statement) in said:  # a surer name has been asked already
                continue
            word = _word(target, version, place, statement, claims)
            if word is not None:
                said.add(id(statement))
                yield word


def _word(
    target: Target, version: str, place: str, statement: Statement, claims: Sequence[Claim]
) -> Word | None:
    """Return the word of one document, None when it is about another release alone."""
    judged = [(_judge(target, version, claim), claim) for claim in claims]
    told = [(kind, reason, claim) for (kind, reason), claim in judged if kind is not None]
    if not told:
        return None
    if all(kind is Kind.OUTSIDE and not claim.whole for kind, _, claim in told):
        reason = "the document lists other versions of it only"
        told = [(Kind.UNKNOWN, reason, told[0][2])]
    kind, reason, claim = min(told, key=lambda one: _ORDER.index(one[0]))
    return Word(
        target=target,
        statement=statement,
        place=place,
        kind=kind,
        version=version,
        reason=reason if kind is Kind.UNKNOWN else str(claim.status),
        fixed_in=_fixed_in(version, claims) if kind is Kind.AFFECTED else None,
        product=claim.product,
        note=_note(claim),
    )


def _judge(target: Target, version: str, claim: Claim) -> tuple[Kind | None, str]:
    fits = release_fits(claim.release, target.release)
    if fits is False:
        return None, ""
    try:
        inside = claim.covers.holds(version)
    except ImpossibleRangeError as error:
        return Kind.UNKNOWN, f"the document is wrong at {error}"
    except VersError as error:
        return Kind.UNKNOWN, f"{error} ({claim.place})"
    if not inside:
        return Kind.OUTSIDE, ""
    if fits is None and claim.status is Status.AFFECTED:
        reason = f"affected on {claim.release}; the release installed is not stated"
        return Kind.UNKNOWN, reason
    return _KINDS[claim.status], ""


def _fixed_in(version: str, claims: Sequence[Claim]) -> str | None:
    fixes = [fix for claim in claims for fix in claim.fixes]
    fixes += [
        claim.covers.version
        for claim in claims
        if claim.status is Status.FIXED and isinstance(claim.covers, Exactly)
    ]
    return first_after(claims[0].scheme, version, fixes) if fixes else None


def _note(claim: Claim) -> str | None:
    if claim.within is not None:
        return f"as a part of {claim.within}; check that this is what you run"
    if claim.key.startswith("name|"):
        return "matched by the names of vendor and product; check that it is the same product"
    return "matched by its CPE name" if claim.key.startswith("cpe|") else None
