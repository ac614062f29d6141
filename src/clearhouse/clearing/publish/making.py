"""Make one issue of an advisory from its case, and keep it beside its ledger event.

In: a case, what a coordinator worded, and the issues so far. Out: the facts of the next issue; and
a stored issue that waits for its release. Refused: nothing here; `rules` says what cannot be said.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.coordinate.record import CaseFile
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.publish import _store, forms, rules
from clearhouse.clearing.publish._store import Past
from clearhouse.clearing.publish.gather import Source, facts_of
from clearhouse.clearing.publish.house import PUBLIC_READERS, publisher
from clearhouse.clearing.publish.record import AdvisoryFacts, Documents, Revision
from clearhouse.clearing.validate import operations as validate
from clearhouse.clearing.validate.record import VerdictKind
from clearhouse.formats.canonical import Json
from clearhouse.kernel import ledger
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

FIRST: Final = "First issue"


def sources(desk: Desk, transaction: Transaction, case_id: str) -> list[Source]:
    """Return what the reports of a case lend to its advisory."""
    reports = intake.load(desk, transaction, casework.reports_of(transaction, case_id))
    verdicts = {
        one.report_id: validate.verdict_of(desk, transaction, one.report_id) for one in reports
    }
    return [
        Source(
            content=one.content,
            received_at=one.received_at,
            contradicted=verdict is not None and verdict.kind is VerdictKind.CONTRADICTED,
        )
        for one in reports
        for verdict in (verdicts[one.report_id],)
    ]


def facts(
    desk: Desk,
    transaction: Transaction,
    kept: CaseFile,
    found: Sequence[Source],
    *,
    id_: str,
    issues: tuple[Past, ...],
) -> AdvisoryFacts:
    """Return the facts of an advisory whose issues, the one to be made last, are these."""
    return facts_of(
        kept.case,
        found,
        _store.wording(desk, transaction, kept.case.id),
        id_=id_,
        publisher=publisher(),
        revisions=tuple(Revision(at=one.at, summary=one.summary) for one in issues),
        withdrawn=issues[-1].withdrawal,
    )


def keep(transaction: Transaction, made: Documents, issue: Past, why: Mapping[str, Json]) -> None:
    """Store an issue with its event, which states the digest of every document."""
    event_id = ledger.append(
        transaction,
        "advisory.decided",
        made.id,
        {
            **why,
            "revision": made.revision,
            "withdrawn": issue.withdrawal is not None,
            "sha256": {
                forms.BY_NAME[name].file: hashlib.sha256(body).hexdigest()
                for name, body in made.bodies.items()
            },
        },
        readers=PUBLIC_READERS,
    )
    year, number = rules.year_and_number(made.id)
    _store.insert(transaction, made, issue, year=year, number=number, event_id=event_id)
