"""Rules that find a flaw on a network: kept with the case, given out as far as they reveal little.

In: a rule with a positive sample, the telemetry that it needs, what it reveals, until when it is
good, and whether it was seen to fire. Out: a sealed row that only those who are read in to the case
may read; for leak classes L0 and L1, a public rule that comes out in the instant of the advisory,
or later in one of its own, and leaves the feed when it expires. Refused: a rule that does not fire
on its own sample, that is expired, or that is larger than is kept.

Leak classes, by what a stranger learns from the rule alone:
L0 nothing of the flaw · L1 which product and what kind of flaw · L2 what triggers it · L3 how to
use it. The sample is never given out: it may be the attack itself.
"""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, Final

from pydantic import ConfigDict, TypeAdapter

from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.publish.cards import Carried
from clearhouse.clearing.publish.house import PUBLIC_READERS
from clearhouse.formats import feed, suricata
from clearhouse.kernel import ledger
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Row, Transaction

MOST_RULE: Final = 64 * 1024
MOST_SAMPLE: Final = 1024 * 1024
MOST_TELEMETRY: Final = 400


class Kind(StrEnum):
    """Which engine reads the rule."""

    SIGMA = "sigma"
    SURICATA = "suricata"
    YARA = "yara"


class Leak(StrEnum):
    """What the rule alone reveals of the flaw."""

    L0 = "L0"
    L1 = "L1"
    L2 = "L2"
    L3 = "L3"


class Fires(StrEnum):
    """Whether the rule was seen to fire on its own sample."""

    YES = "yes"
    NO = "no"
    NOT_RUN = "not-run"


OPEN: Final = tuple(map(Leak, feed.OPEN_LEAKS))
"""What everybody may have."""
ENDINGS: Final = {Kind.SIGMA: ".yml", Kind.SURICATA: ".rules", Kind.YARA: ".yar"}


class DetectionRefusedError(ValueError):
    """The rule is not taken; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What came of running the rule on its sample."""

    fires: Fires
    how: str
    """Which engine said so, or why none could."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What is sealed."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        ser_json_bytes="base64", val_json_bytes="base64"
    )

    rule: str
    sample: bytes
    sample_name: str
    telemetry: str
    how: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Detection:
    """One rule of a case, for those who are read in."""

    detection_id: str
    case_id: str
    kind: Kind
    leak: Leak
    expires_on: date
    fires: Fires
    added_at: datetime
    released_at: datetime | None
    content: Content


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicDetection:
    """One rule that everybody may have."""

    detection_id: str
    advisory_id: str
    kind: Kind
    leak: Leak
    expires_on: date
    fires: Fires
    telemetry: str
    rule: str
    sample_sha256: str
    released_at: datetime

    @property
    def file(self) -> str:
        """The name under which it is downloaded."""
        return f"{self.detection_id}{ENDINGS[Kind(self.kind)]}"


_CONTENT: Final = TypeAdapter(Content)


def faults(kind: Kind, content: Content, seen: Seen, *, expires_on: date, at: date) -> list[str]:
    """Return everything that stands against a rule. Pure."""
    found = []
    if not content.rule.strip() or len(content.rule.encode()) > MOST_RULE:
        found.append(f"rule: is empty or larger than {MOST_RULE} bytes")
    if not content.sample or len(content.sample) > MOST_SAMPLE:
        found.append(f"sample: is empty or larger than {MOST_SAMPLE} bytes")
    if not content.telemetry.strip() or len(content.telemetry) > MOST_TELEMETRY:
        found.append("telemetry: say in a line which logs or traffic the rule needs")
    if expires_on <= at:
        found.append("expires_on: is not in the future")
    if kind is Kind.SURICATA:
        found += [f"rule: {one}" for one in suricata.faults(content.rule)]
    if seen.fires is Fires.NO:
        found.append(f"sample: the rule does not fire on it ({seen.how})")
    return found


def may_add(desk: Desk, transaction: Transaction, actor: Actor, case_id: str) -> str:
    """Return the authority by which the actor may keep rules with a case.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    kept = casework.case_file(desk, transaction, actor, case_id)
    return desk.authority.demand(actor, "detection.add", kept.readers).policy


def add(
    desk: Desk,
    transaction: Transaction,
    actor: Actor,
    case_id: str,
    *,
    kind: Kind,
    leak: Leak,
    expires_on: date,
    content: Content,
    seen: Seen,
) -> str:
    """Keep a rule with its case and return its id.

    Raises: NoSuchCaseError, ForbiddenError, DetectionRefusedError.
    """
    authority = may_add(desk, transaction, actor, case_id)
    kept = casework.case_file(desk, transaction, actor, case_id)
    against = faults(kind, content, seen, expires_on=expires_on, at=transaction.now.date())
    if against:
        raise DetectionRefusedError("; ".join(against))
    sealed = replace(content, how=seen.how)
    box = desk.vault.open_box(transaction, kept.compartment)
    payload = box.seal(transaction, "detection", _CONTENT.dump_json(sealed))
    id_ = new_id("dtc")
    row = [id_, kept.case.id, kind, leak, expires_on, seen.fires, transaction.now, actor.actor_id]
    transaction.execute(
        "INSERT INTO detection (detection_id, case_id, kind, leak, expires_on, fires, added_at,"
        " actor_id, content_payload, compartment, readers)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [*row, payload, kept.compartment, list(box.readers)],
    )
    ledger.append(
        transaction,
        "detection.added",
        kept.case.id,
        {"detection": id_, "kind": kind, "leak": leak, "fires": seen.fires, "authority": authority},
        readers=kept.readers,
        compartment=kept.compartment,
    )
    return id_


def of_case(desk: Desk, transaction: Transaction, actor: Actor, case_id: str) -> list[Detection]:
    """Return the rules of a case that the actor is read in to, the oldest first.

    Raises: NoSuchCaseError, ForbiddenError.
    """
    casework.case(desk, transaction, actor, case_id)
    rows = transaction.all(
        "SELECT * FROM detection WHERE case_id = %s ORDER BY added_at, detection_id", [case_id]
    )
    return [_detection(desk, transaction, row) for row in rows]


def public(transaction: Transaction, advisory_id: str) -> list[PublicDetection]:
    """Return what everybody may have of an advisory and is not expired, at the counter too."""
    rows = transaction.all(
        "SELECT * FROM detection_public WHERE advisory_id = %s AND expires_on > %s"
        " ORDER BY detection_id",
        [advisory_id, transaction.now.date()],
    )
    fields = PublicDetection.__dataclass_fields__
    return [PublicDetection(**{name: row[name] for name in fields}) for row in rows]


def expire(
    desk: Desk, transaction: Transaction, actor: Actor, case_id: str, detection_id: str
) -> None:
    """Let a rule be good no longer, from today on; it leaves the feed with the next change.

    Raises: NoSuchCaseError, ForbiddenError, DetectionRefusedError when the case has no such rule
    or it has expired.
    """
    kept = casework.case_file(desk, transaction, actor, case_id)
    authority = desk.authority.demand(actor, "detection.expire", kept.readers).policy
    today = transaction.now.date()
    changed = transaction.execute(
        "UPDATE detection SET expires_on = %s"
        " WHERE detection_id = %s AND case_id = %s AND expires_on > %s",
        [today, detection_id, case_id, today],
    )
    if not changed:
        raise DetectionRefusedError("the case has no such rule, or it has expired already")
    transaction.execute(
        "UPDATE detection_public SET expires_on = %s WHERE detection_id = %s", [today, detection_id]
    )
    ledger.append(
        transaction,
        "detection.expired",
        kept.case.id,
        {"detection": detection_id, "authority": authority},
        readers=kept.readers,
        compartment=kept.compartment,
    )


def due(
    desk: Desk, transaction: Transaction, advisories: Collection[str] = ()
) -> dict[str, tuple[Carried, ...]]:
    """Return what the feed should carry: by advisory, every rule that everybody may have today.

    `advisories` are those that come out now; the others must be out already.
    """
    today = transaction.now.date()
    shown = transaction.all("SELECT * FROM detection_public WHERE expires_on > %s", [today])
    found = [_carried(row["advisory_id"], row, row["telemetry"], row["rule"]) for row in shown]
    for row in _waiting(transaction, today, advisories):
        content = _detection(desk, transaction, row).content
        found.append(_carried(row["advisory_id"], row, content.telemetry, content.rule))
    by_advisory: dict[str, tuple[Carried, ...]] = {}
    for one in sorted(found, key=lambda one: one.rule.id):
        by_advisory[one.advisory_id] = (*by_advisory.get(one.advisory_id, ()), one)
    return by_advisory


def released(
    desk: Desk, transaction: Transaction, is_out: Callable[[str], bool], advisory_id: str
) -> list[str]:
    """Note which waiting rules of an advisory are out, by the paths that are; return their ids.

    Running it again notes nothing twice.
    """
    found = []
    for row in _waiting(transaction, transaction.now.date(), [advisory_id]):
        content = _detection(desk, transaction, row).content
        one = _carried(row["advisory_id"], row, content.telemetry, content.rule)
        if one.advisory_id != advisory_id or not is_out(one.rule.file.path):
            continue
        if _note(transaction, one, hashlib.sha256(content.sample).hexdigest()):
            found.append(one.rule.id)
    return found


def waiting(transaction: Transaction) -> list[str]:
    """Return the public advisories whose rules are not all out yet."""
    rows = _waiting(transaction, transaction.now.date(), ())
    return sorted({str(row["advisory_id"]) for row in rows})


def _waiting(transaction: Transaction, today: date, advisories: Collection[str]) -> list[Row]:
    return transaction.all(
        "SELECT detection.*, publication.advisory_id FROM detection JOIN publication"
        " USING (case_id) WHERE released_at IS NULL AND leak = ANY(%s) AND expires_on > %s"
        " AND (publication.advisory_id = ANY(%s) OR EXISTS (SELECT FROM advisory WHERE"
        " advisory.advisory_id = publication.advisory_id AND written_at IS NOT NULL))"
        " ORDER BY detection_id",
        [[str(one) for one in OPEN], today, list(advisories)],
    )


def _carried(advisory_id: str, row: Row, telemetry: str, rule: str) -> Carried:
    kind, id_, body = Kind(row["kind"]), str(row["detection_id"]), rule.encode()
    return Carried(
        advisory_id=advisory_id,
        body=body,
        rule=feed.Rule(
            id=id_,
            kind=kind,
            leak=row["leak"],
            expires=row["expires_on"],
            telemetry=telemetry,
            fires=row["fires"],
            file=feed.file_of(f"detections/{advisory_id}/{id_}{ENDINGS[kind]}", body),
        ),
    )


def _note(transaction: Transaction, one: Carried, sample_sha256: str) -> bool:
    rule = one.rule
    taken = transaction.execute(
        "UPDATE detection SET released_at = %s WHERE detection_id = %s AND released_at IS NULL",
        [transaction.now, rule.id],
    )
    if not taken:
        return False
    row = [rule.id, one.advisory_id, rule.kind, rule.leak, rule.expires, rule.fires]
    transaction.execute(
        "INSERT INTO detection_public (detection_id, advisory_id, kind, leak, expires_on, fires,"
        " telemetry, rule, sample_sha256, released_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [*row, rule.telemetry, one.body.decode(), sample_sha256, transaction.now],
    )
    ledger.append(
        transaction,
        "detection.released",
        one.advisory_id,
        {"detection": rule.id, "leak": rule.leak, "rule_sha256": rule.file.sha256},
        readers=PUBLIC_READERS,
    )
    return True


def _detection(desk: Desk, transaction: Transaction, row: Row) -> Detection:
    return Detection(
        detection_id=row["detection_id"],
        case_id=row["case_id"],
        kind=Kind(row["kind"]),
        leak=Leak(row["leak"]),
        expires_on=row["expires_on"],
        fires=Fires(row["fires"]),
        added_at=row["added_at"],
        released_at=row["released_at"],
        content=_CONTENT.validate_json(desk.vault.open(transaction, row["content_payload"])),
    )


def as_json(found: Sequence[PublicDetection]) -> list[dict[str, str]]:
    """Return public rules as JSON objects, for the API."""
    return [
        {
            "id": one.detection_id,
            "advisory": one.advisory_id,
            "kind": one.kind,
            "leak": one.leak,
            "expires_on": one.expires_on.isoformat(),
            "fires_on_its_sample": one.fires,
            "telemetry": one.telemetry,
            "rule": one.rule,
            "sample_sha256": one.sample_sha256,
        }
        for one in found
    ]
