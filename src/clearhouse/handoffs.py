"""Every crossing between two systems, and nothing else.

- What an early user finds goes to intake, as found with confidential tooling.
- An evaluation log and the gateway's receipts are joined, and the endpoint's word is signed for
  criteria's gate `receipts-complete`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.access.close import operations as closing
from clearhouse.access.close.record import RoutedFinding
from clearhouse.access.serve.join import Join, join, served_calls
from clearhouse.clearing.intake.operations import Arrival, take_in
from clearhouse.clearing.intake.record import Draft, Tooling
from clearhouse.criteria.measure.attest import Attested, attest
from clearhouse.criteria.measure.reading import read_evidence
from clearhouse.formats.canonical import Json
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import App


def take_in_early_finding(app: App, actor: Actor, grant_id: str, arrival: Arrival) -> RoutedFinding:
    """Take in what was found under a grant, and note in its window that it went to intake.

    Raises: NotThereError, ForbiddenError; what `intake.take_in` raises.
    """
    with app.desk.database.transaction(actor.actor_id) as transaction:
        closing.my_grant(app.desk, transaction, actor, grant_id)
    drafts = tuple(_confidential(one) for one in arrival.drafts)
    receipt = take_in(app.counter, actor, replace(arrival, drafts=drafts))
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return closing.route_vulnerability(app.desk, transaction, actor, grant_id, str(receipt))


def join_log(
    log: Path, chains: Mapping[str, Sequence[str]], *, invalid_from: str | None = None
) -> Join:
    """Join an evaluation log with the receipts of a window.

    Raises: EvidenceError of criteria when the log cannot be read.
    """
    calls = [one for sample in read_evidence(log).samples for one in sample.request_ids]
    return join(chains, calls, invalid_from=invalid_from)


def attest_receipts(
    log: Path, chains: Mapping[str, Sequence[str]], key: Ed25519PrivateKey
) -> dict[str, Json]:
    """Sign, as the endpoint, the ids of all calls that were served under the log's grants.

    Raises: EvidenceError of criteria when the log cannot be read.
    """
    evidence = read_evidence(log)
    used = {one.rpartition(":")[0] for sample in evidence.samples for one in sample.request_ids}
    served = served_calls({name: chains[name] for name in sorted(used & chains.keys())})
    return attest(Attested.RECEIPTS, [evidence], {"requests": sorted(served)}, [key])


def _confidential(draft: Draft) -> Draft:
    provenance = draft.provenance
    if provenance.confidentiality is not None:
        return draft
    return replace(draft, provenance=replace(provenance, confidentiality=Tooling.CONFIDENTIAL))
