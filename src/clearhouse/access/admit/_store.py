"""Where nominations, applications and what was written about them are kept; words are sealed."""

from pydantic import TypeAdapter

from clearhouse.access.admit.record import (
    Admission,
    AdmissionState,
    Application,
    Assessment,
    AssessmentKind,
    Opinion,
    Tier,
)
from clearhouse.access.offer.record import Side, Window
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import ActorId, Compartment, PartyId, PayloadId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction

_APPLICATION = TypeAdapter(Application)
_OPINION = TypeAdapter(Opinion)


def nominate(
    desk: Desk,
    transaction: Transaction,
    window: Window,
    *,
    party: PartyId,
    side: Side,
    actor: Actor,
    reason: str,
) -> bool:
    """Store a nomination; False when the side has nominated the party before."""
    box = desk.vault.open_box(transaction, window.deliberation)
    payload = box.seal(transaction, "nomination", reason.encode())
    return bool(
        transaction.execute(
            "INSERT INTO access_nomination (window_id, party_id, side, actor_id, reason_payload,"
            " at, compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [
                window.window_id,
                party,
                side,
                actor.actor_id,
                payload,
                transaction.now,
                box.compartment,
                list(box.readers),
            ],
        )
    )


def nominated(transaction: Transaction, window_id: str) -> tuple[PartyId, ...]:
    """Return the nominated parties, as far as the actor may see them."""
    rows = transaction.all(
        "SELECT DISTINCT party_id FROM access_nomination WHERE window_id = %s ORDER BY 1",
        [window_id],
    )
    return tuple(PartyId(row["party_id"]) for row in rows)


def insert(desk: Desk, transaction: Transaction, admission: Admission) -> bool:
    """Store a fresh application; False when the party has one in this window."""
    box = desk.vault.open_box(transaction, admission.compartment)
    payload = box.seal(transaction, "application", _APPLICATION.dump_json(admission.application))
    return bool(
        transaction.execute(
            "INSERT INTO access_admission (admission_id, window_id, party_id, sponsor_party_id,"
            " track, tier, state, submitted_at, changed_at, reason_codes, content_payload,"
            " compartment, readers) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (window_id, party_id) DO NOTHING",
            [
                admission.admission_id,
                admission.window_id,
                admission.party,
                admission.sponsor,
                admission.track,
                admission.tier,
                admission.state,
                admission.submitted_at,
                admission.changed_at,
                list(admission.reason_codes),
                payload,
                box.compartment,
                list(box.readers),
            ],
        )
    )


def save(desk: Desk, transaction: Transaction, admission: Admission) -> None:
    """Store the next state of an application."""
    box = desk.vault.open_box(transaction, admission.compartment)
    payload = box.seal(transaction, "application", _APPLICATION.dump_json(admission.application))
    transaction.execute(
        "UPDATE access_admission SET state = %s, changed_at = %s, reason_codes = %s,"
        " content_payload = %s WHERE admission_id = %s",
        [
            admission.state,
            transaction.now,
            list(admission.reason_codes),
            payload,
            admission.admission_id,
        ],
    )


def load(
    desk: Desk, transaction: Transaction, admission_id: str, *, to_change: bool = False
) -> Admission | None:
    """Return an application that the actor may read."""
    row = (
        transaction.one(
            "SELECT * FROM access_admission WHERE admission_id = %s FOR UPDATE", [admission_id]
        )
        if to_change
        else transaction.one(
            "SELECT * FROM access_admission WHERE admission_id = %s", [admission_id]
        )
    )
    return None if row is None else _admissions(desk, transaction, [row])[0]


def of_window(desk: Desk, transaction: Transaction, window_id: str) -> tuple[Admission, ...]:
    """Return the applications of a window that the actor may read, the oldest first."""
    rows = transaction.all(
        "SELECT * FROM access_admission WHERE window_id = %s ORDER BY submitted_at, admission_id",
        [window_id],
    )
    return _admissions(desk, transaction, rows)


def taken(transaction: Transaction, window_id: str) -> int:
    """Count the places that are taken."""
    row = transaction.one(
        "SELECT count(*) AS taken FROM access_admission WHERE window_id = %s"
        " AND state IN ('approved', 'provisioned', 'ready')",
        [window_id],
    )
    return int(row["taken"]) if row else 0


def write(desk: Desk, transaction: Transaction, window: Window, one: Assessment) -> None:
    """Store what a side wrote, sealed for the two sides."""
    box = desk.vault.open_box(transaction, window.deliberation)
    payload = box.seal(transaction, "opinion", _OPINION.dump_json(one.opinion))
    transaction.execute(
        "INSERT INTO access_assessment (assessment_id, admission_id, side, kind, actor_id, round,"
        " at, content_payload, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            one.assessment_id,
            one.admission_id,
            one.side,
            one.kind,
            one.actor_id,
            one.round,
            one.at,
            payload,
            box.compartment,
            list(box.readers),
        ],
    )


def written(desk: Desk, transaction: Transaction, admission_id: str) -> tuple[Assessment, ...]:
    """Return what the two sides wrote about an application, in its order."""
    rows = transaction.all(
        "SELECT * FROM access_assessment WHERE admission_id = %s ORDER BY at, assessment_id",
        [admission_id],
    )
    texts = desk.vault.open_many(transaction, [row["content_payload"] for row in rows])
    return tuple(
        Assessment(
            assessment_id=row["assessment_id"],
            admission_id=row["admission_id"],
            side=Side(row["side"]),
            kind=AssessmentKind(row["kind"]),
            actor_id=ActorId(row["actor_id"]),
            round=row["round"],
            at=row["at"],
            opinion=_OPINION.validate_json(texts[row["content_payload"]]),
        )
        for row in rows
    )


def _admissions(desk: Desk, transaction: Transaction, rows: list[Row]) -> tuple[Admission, ...]:
    payloads = [PayloadId(row["content_payload"]) for row in rows]
    texts = desk.vault.open_many(transaction, payloads)
    return tuple(
        Admission(
            admission_id=row["admission_id"],
            window_id=row["window_id"],
            party=PartyId(row["party_id"]),
            sponsor=PartyId(row["sponsor_party_id"]) if row["sponsor_party_id"] else None,
            track=row["track"],
            tier=Tier(row["tier"]),
            state=AdmissionState(row["state"]),
            submitted_at=row["submitted_at"],
            changed_at=row["changed_at"],
            reason_codes=tuple(row["reason_codes"]),
            application=_APPLICATION.validate_json(texts[row["content_payload"]]),
            compartment=Compartment(row["compartment"]),
            readers=tuple(row["readers"]),
        )
        for row in rows
    )
