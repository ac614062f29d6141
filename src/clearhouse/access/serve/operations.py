"""Read receipts, and note whether the model that answers is still the pinned one.

In: somebody who may read a window. Out: the chains that they may read, and fingerprints. Refused: a
fingerprint from anybody but the two sides; a comparison without a reference.
From the first swap on, answers are no evidence of the pinned model: `invalid_from` says since when.
"""

from dataclasses import dataclass
from datetime import datetime

from clearhouse.access.offer import operations as offer
from clearhouse.access.refusal import Refused
from clearhouse.access.serve import _store
from clearhouse.access.serve.fingerprint import Prompts, Same, compare
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

DECIDE = "access.decide"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fingerprint:
    """One comparison with the pinned reference."""

    at: datetime
    moment: str
    verdict: Same
    matched: int
    prompts: int
    policy: str


def chains(
    desk: Desk, transaction: Transaction, actor: Actor, window_id: str
) -> dict[str, list[str]]:
    """Return the receipts of a window, by chain, as far as the actor may read them.

    Raises: NotThereError, ForbiddenError.
    """
    offer.window(desk, transaction, actor, window_id)
    return _store.chains(transaction, window_id)


def fingerprints(
    desk: Desk, transaction: Transaction, actor: Actor, window_id: str
) -> tuple[Fingerprint, ...]:
    """Return the comparisons of a window, the oldest first.

    Raises: NotThereError, ForbiddenError.
    """
    offer.window(desk, transaction, actor, window_id)
    return tuple(
        Fingerprint(
            at=row["at"],
            moment=row["moment"],
            verdict=Same(row["verdict"]),
            matched=row["matched"],
            prompts=row["prompts"],
            policy=row["policy"],
        )
        for row in _store.fingerprints(transaction, window_id)
    )


def invalid_from(
    desk: Desk, transaction: Transaction, actor: Actor, window_id: str
) -> datetime | None:
    """Return since when another model may have answered; None while every comparison held.

    A swap happened at some time after the last match, so that is when evidence ends.
    Raises: NotThereError, ForbiddenError.
    """
    good: datetime | None = None
    for one in fingerprints(desk, transaction, actor, window_id):
        if one.verdict is Same.SWAP:
            return good or one.at
        if one.verdict in {Same.MATCH, Same.REFERENCE}:
            good = one.at
    return None


def note_fingerprint(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    window_id: str,
    asked: Prompts,
    answers: tuple[str, ...],
    *,
    moment: str,
) -> Fingerprint | Refused:
    """Keep the reference, or compare answers with it and keep the outcome.

    Raises: NotThereError, ForbiddenError.
    """
    window = offer.lead(desk, transaction, actor, window_id, DECIDE)
    rows = _store.fingerprints(transaction, window_id)
    pinned = [row for row in rows if row["moment"] == "reference" and row["policy"] == asked.name]
    if (moment == "reference") == bool(pinned):
        said = "there is a reference already" if pinned else "pin the reference first"
        return Refused(code="reference", reason=said)
    verdict, matched = Same.REFERENCE, len(answers)
    if pinned:
        verdict, matched = compare(asked, pinned[0]["answers_sha256"], answers)
    place = (window.compartment, list(window.readers))
    name = new_id("fgp")
    _store.add_fingerprint(
        transaction, name, window_id, moment, verdict, matched, answers, asked.name, place
    )
    facts = {"moment": moment, "verdict": verdict.value, "matched": matched}
    parties = [one for one in window.readers if one.startswith("pty_")]
    offer.note(transaction, window, "window.fingerprint", {**facts, "of": len(answers)}, *parties)
    return Fingerprint(
        at=transaction.now,
        moment=moment,
        verdict=verdict,
        matched=matched,
        prompts=len(answers),
        policy=asked.name,
    )
