"""Puts an envelope together, and lays it where it goes out from.

In: a matter with a peer and what is to be said in it. Out: the envelope, sealed among what waits,
with its ledger entry. Refused: nothing here; whoever calls has asked whether it may go. Originals
are taken as they came through the door. One that also holds reports of other matters does not
travel: what was read of the report goes instead, as a document of our own, and says so.
"""

import json
from collections.abc import Sequence

from clearhouse.clearing.coordinate.embargo_management import IN_FORCE
from clearhouse.clearing.coordinate.record import Case
from clearhouse.clearing.coordinate.relay import _store, keys
from clearhouse.clearing.coordinate.relay.record import Link, Peer, Sent
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.operations import Report
from clearhouse.clearing.intake.readers.export import exported
from clearhouse.formats import relay, relay_reading
from clearhouse.formats.relay import Claim, Envelope, Finder, Hop, Kind, Original, Provenance, Terms
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import identity, ledger
from clearhouse.kernel.ids import Receipt, ReportId, new_id
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

SEND_RELAYS = "send_relays"
"""Name of the job that sends what is due."""


def blank(desk: Desk, transaction: Transaction, link: Link, peer: Peer, kind: Kind) -> Envelope:
    """Return an envelope of the next number in a matter, with nothing in it yet."""
    return Envelope(
        id=new_id("env"),
        kind=kind,
        at=transaction.now.replace(microsecond=0),
        sender=keys.node_id(desk.keys),
        recipient=peer.node_id or peer.name,
        handle=link.our_handle,
        answers=link.their_handle,
        sequence=_store.next_number(transaction, link.link_id),
        tlp=Tlp.RED,
    )


def lay_out(
    desk: Desk,
    transaction: Transaction,
    link: Link,
    envelope: Envelope,
) -> None:
    """Seal an envelope among what waits to go out, write it down, and have it sent."""
    box = desk.vault.open_box(transaction, link.compartment)
    sent = Sent(
        envelope_id=envelope.id,
        link_id=link.link_id,
        number=envelope.sequence,
        kind=envelope.kind.value,
        tlp=envelope.tlp,
        made_at=transaction.now,
        due_at=transaction.now,
        attempts=0,
        failure=None,
        sent_at=None,
        refused=None,
    )
    _store.insert_out(transaction, box, link.link_id, sent, relay.write(envelope))
    ledger.append(
        transaction,
        "relay.queued",
        link.case_id,
        {
            "envelope": envelope.id,
            "kind": envelope.kind.value,
            "peer": link.peer_id,
            "tlp": envelope.tlp.value,
            "originals": [_commitment(one) for one in envelope.originals],
        },
        readers=box.readers,
        compartment=link.compartment,
    )
    desk.jobs.ask(transaction, SEND_RELAYS)


def originals_of(
    desk: Desk, transaction: Transaction, reports: Sequence[ReportId], handle: str
) -> tuple[Original, ...]:
    """Return the originals of reports, each with its provenance, the house at the chain's end."""
    loaded = intake.load(desk, transaction, list(reports), files=True)
    by_receipt: dict[Receipt, list[Report]] = {}
    for one in loaded:
        by_receipt.setdefault(one.receipt, []).append(one)
    known = _carried(desk, transaction, list(by_receipt))
    whole = intake.whole_submissions(transaction, list(by_receipt), list(reports))
    own = Hop(
        name=desk.outside.house_name,
        at=transaction.now.replace(microsecond=0),
        node=keys.node_id(desk.keys),
        reference=handle,
    )
    key = keys.signing(desk.keys, transaction.now)
    return tuple(
        relay.append_hop(bare, own, key)
        for receipt, parts in by_receipt.items()
        for bare in _bare(desk, transaction, receipt, parts, known, handle, whole=receipt in whole)
    )


def terms_of(
    desk: Desk, transaction: Transaction, case: Case, reports: Sequence[ReportId]
) -> tuple[Terms, ...]:
    """Return the terms that came with the case, and the house's own when they are tighter."""
    loaded = intake.load(desk, transaction, list(reports))
    terms = [
        one
        for came in _store.carried(transaction, [report.receipt for report in loaded])
        for one in _opened(desk, transaction, came).terms
    ]
    embargo = case.embargo
    held = embargo.instant if case.embargo_state in IN_FORCE else None
    earlier = [one.until for one in terms if one.until is not None]
    if not terms or (held is not None and (not earlier or held < min(earlier))):
        terms.append(
            Terms(
                until=held,
                rule=f"{embargo.policy}/{embargo.version} {embargo.rule}",
                set_by=desk.outside.house_name,
                at=transaction.now.replace(microsecond=0),
            )
        )
    return tuple(terms)


def claims_of(
    desk: Desk, transaction: Transaction, reports: Sequence[ReportId]
) -> tuple[Claim, ...]:
    """Return what is claimed of duplicates: by those before us, and by us."""
    loaded = intake.load(desk, transaction, list(reports))
    earlier = [
        one
        for came in _store.carried(transaction, [report.receipt for report in loaded])
        for one in _opened(desk, transaction, came).claims
    ]
    own = [Claim(by=desk.outside.house_name, reports=len(loaded))] if len(loaded) > 1 else []
    return (*earlier, *own)


def _opened(desk: Desk, transaction: Transaction, came: _store.Inbound) -> Envelope:
    return relay_reading.read(desk.vault.open(transaction, came.content))


def _carried(
    desk: Desk, transaction: Transaction, receipts: Sequence[Receipt]
) -> dict[Receipt, Original]:
    """Return the originals that came by relay, as they came, by the receipt they got here."""
    return {
        receipt: original
        for came in _store.carried(transaction, receipts)
        for receipt, original in zip(
            came.receipts, _opened(desk, transaction, came).originals, strict=True
        )
        if receipt in receipts
    }


def _bare(
    desk: Desk,
    transaction: Transaction,
    receipt: Receipt,
    parts: Sequence[Report],
    known: dict[Receipt, Original],
    handle: str,
    *,
    whole: bool,
) -> list[Original]:
    """Return an original without the house in its chain; in parts where others share it."""
    if receipt in known and whole:
        return [known[receipt]]
    fresh = _provenance(desk, transaction, parts, handle)
    provenance = known[receipt].provenance if receipt in known else fresh
    data = intake.original(desk, transaction, receipt)
    if whole and data is not None:
        return [Original(data=data, provenance=provenance)]
    return [
        Original(
            data=json.dumps(exported(one.content)).encode(),
            provenance=provenance,
            media_type="application/json",
            filename=f"report-{one.ordinal}.json",
            extra={"part_of": "an original that holds other reports too"},
        )
        for one in parts
    ]


def _provenance(
    desk: Desk, transaction: Transaction, parts: Sequence[Report], handle: str
) -> Provenance:
    """Return where a report that came through our own door comes from."""
    credited = [
        Finder(name=one.name, role=one.role) for part in parts for one in part.content.credits
    ]
    first = parts[0]
    names = identity.party_names(transaction, [first.party_id])
    return Provenance(
        finders=tuple(dict.fromkeys(credited)),
        reporters=(Hop(name=names[first.party_id], at=first.received_at.replace(microsecond=0)),),
        origins=(f"urn:clearhouse:{keys.node_id(desk.keys)}:{handle}",),
    )


def _commitment(original: Original) -> str:
    """Return what the ledger says of an original: a part of its last signature, no content."""
    return (original.provenance.reporters[-1].signature or "")[:24]
