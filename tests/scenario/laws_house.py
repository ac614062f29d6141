"""A house whose every transaction is audited: what it wrote must be in the ledger too."""

import contextlib
from dataclasses import dataclass, field

import psycopg
from psycopg.rows import dict_row

from clearhouse.clearing.intake.record import (
    Attachment,
    AttachmentKind,
    Credit,
    Draft,
    Location,
)

KEEPS = {
    "report", "finding", "match_edge", "verdict", "priority", "assessment", "coordination_case",
    "case_revision", "case_report", "advisory", "party", "actor", "token", "session",
    "vendor_package", "transparency_notice", "case_message", "party_channel", "case_copy", "mail_received", "case_part",
    "evidence", "attestation", "trusted_key", "criterion_opening", "determination",
    "determination_appeal", "released_determination", "private_task",
    "access_window", "access_nomination", "access_admission", "access_assessment", "access_grant",
    "access_acceptance", "access_canary", "access_fingerprint", "access_finding",
    "access_certificate", "access_closure", "defense_key", "defense_card", "defense_pool",
    "relay_peer", "relay_in", "known_epoch", "known_preference",
    "scan_lease", "scan_limit", "commitment", "introduction_side", "introduction_field",
    "account", "passkey",
    "acknowledgement", "reach_release", "detection", "detection_public",
}  # fmt: skip
"""Tables whose rows are acts or decisions: who writes one writes an event with it."""

FOLLOWS = {
    "submission": "comes with its reports; its status follows from their passages",
    "match_report": "which finding and whether contradicted, as edges and verdicts already say",
    "examination": "how far a look is that an event says was asked for; its verdict is an event",
    "advisory_document": "the documents of an advisory, whose digests its event states",
    "access_receipt": "a chain of its own, whose root is in the event that closes the window",
    "access_alarm": "raised from the receipts, and kept with them",
    "access_closure_path": "where a chain stands under that root, computed from the receipts",
    "saved_view": "a filter that a person gave a name to, which acts on nothing",
    "passage": "how far a report is, as the events of the rooms already say",
    "publication": "when a case was last looked at; what holds it back is an event when it changes",
    "sign_in_attempt": "what a browser set out to do; the session or way in it leads to is an event",
    "sign_in_link": "an offer; using it opens a session, which is an event",
    "payload": "the sealed part of a row above",
    "data_key": "as payload; shredding one is an event",
    "match_index_report": "keyed features of a report, computed from it",
    "match_index_recent": "as above",
    "match_index_key": "as above",
    "match_index_posting": "as above",
    "match_index_removal": "counts what was taken out of the index",
    "ledger_event": "the ledger itself",
    "ledger_pending": "the ledger itself",
    "ledger_leaf": "the ledger itself",
    "ledger_node": "the ledger itself",
    "tree_head": "the ledger itself",
    "case_thread": "who may speak with whom, as the case and its read-ins already say",
    "counter_letter": "a message once more, for whoever holds a receipt; posting it is an event",
    "counter_answer": "words on their way into a thread, where posting them is an event",
    "counter_invitation": "what a reader of a case may see, once more; making and ending it are events",
    "counter_statement": "words on their way into a case, where entering them is an event",
    "mail_address": "drawn from a key for a thread and a party, when one is told of it",
    "notice": "that somebody is told of a case or message, whose own event is there",
    "relay_key": "the keys that a peer's document names; enrolling and renewing it are events",
    "relay_link": "how both sides of a relay call a case, as the events of its envelopes say",
    "relay_out": "how far an envelope is; that it was laid out, sent, delayed or refused is an event",
    "relay_nonce": "that a request was used up; what became of it is an event",
    "peer_lookup": "a blinded question and its answer; how much a peer asks is noted as for others",
    "known_entry": "outputs for what is held, and decoys; who holds is an event of its own",
    "known_holding": "follows from the report, or the event of the party that holds it",
    "known_quota": "counts of what was asked; the ledger has them every hour",
    "retired_key": "retiring keys is an event of the command that does it",
    "tour_mark": "what somebody has seen on the tour; whatever they do there is an event of its own",
    "migration": "the schema's own history",
}
"""Tables whose rows follow from others, and why no event of their own is due."""


@dataclass
class Audit:
    """Watches the transactions of a house from outside, as the owner of the store."""

    owner: psycopg.Connection
    unwritten: list[tuple[str, ...]] = field(default_factory=list)
    """Tables that a transaction wrote without writing an event."""

    def watch(self, database):
        plain = database.transaction

        @contextlib.contextmanager
        def transaction(actor, **how):
            with plain(actor, **how) as opened:
                yield opened
                row = opened.one("SELECT pg_current_xact_id_if_assigned()::text AS xid")
            if row["xid"] is not None:
                self._check(row["xid"])

        database.transaction = transaction

    def _check(self, xid):
        wrote = self.owner.execute(_WROTE, {"xid": xid}).fetchall()
        event = self.owner.execute(
            "SELECT FROM ledger_pending WHERE xmin::text = %s LIMIT 1", [xid]
        ).fetchone()
        if wrote and event is None:
            self.unwritten.append(tuple(sorted(row["name"] for row in wrote)))


_WROTE = " UNION ".join(
    f"(SELECT '{name}' AS name FROM {name} WHERE xmin::text = %(xid)s LIMIT 1)"  # noqa: S608 - names of ours
    for name in sorted(KEEPS)
)


@contextlib.contextmanager
def owning(owner_url):
    """The owner of the store, who sees every row."""
    with psycopg.connect(
        owner_url,
        autocommit=True,
        row_factory=dict_row,
        options="-c search_path=clearhouse,public",
    ) as connection:
        yield connection


PROOFS = {
    "A": b"The first proof of concept: seventy bytes that no other report would hold, A.",
    "B": b"The second proof of concept: another seventy bytes that nobody else has, B.",
}


def draft(package=0, proof=None, alias=None, *, refuted=False, finder="Finder"):
    """A report; `refuted` gives it a claim that contradicts itself."""
    return Draft(
        title=f"Flaw in package {package}",
        description="The parser trusts a length and reads past the end of its buffer.",
        purl=f"pkg:pypi/law-{package}",
        affected_versions=("vers:pypi/>=1.0|<2.0",),
        fixed_versions=("1.5",) if refuted else ("2.0",),
        tested_version="3.0" if refuted else None,
        cwes=("CWE-125",),
        aliases=(alias,) if alias else (),
        locations=(Location(file="src/parse.c", function="parse"),),
        cvss_vectors=("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",),
        attachments=(
            Attachment(
                filename="poc.txt",
                content_type="text/plain",
                data=PROOFS[proof],
                kind=AttachmentKind.POC,
            ),
        )
        if proof
        else (),
        credits=(Credit(name=finder),),
    )
