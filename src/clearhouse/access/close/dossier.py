"""What is left of a window, as one document for each side: everything that it may prove.

In: a window and who asks. Out: terms, persons, uses by count, receipts, findings routed and
certificates, as far as the asker may read them, under the root that everybody has. The lab's and
the government's documents say the same; a party's says its own part, with the path from its chains
to the same root. No prompt and no answer is in it.
"""

from collections.abc import Sequence
from datetime import datetime

from clearhouse.access.admit import operations as admit
from clearhouse.access.close import _store
from clearhouse.access.close.record import ChainPlace
from clearhouse.access.grant import operations as granting
from clearhouse.access.offer import operations as offer
from clearhouse.access.offer.record import Window
from clearhouse.access.serve import operations as serve
from clearhouse.access.terms import terms as terms_of
from clearhouse.formats import merkle
from clearhouse.formats.canonical import Json, canonical_bytes, digest
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import PartyId
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

FORMAT = "clearhouse-access-dossier/1"


def dossier(desk: Desk, transaction: Transaction, actor: Actor, window_id: str) -> dict[str, Json]:
    """Return the dossier of a window for whoever asks.

    Raises: NotThereError, ForbiddenError.
    """
    window = offer.window(desk, transaction, actor, window_id)
    closure = _store.closure(transaction, window_id)
    places = _store.places(transaction, window_id)
    invalid = serve.invalid_from(desk, transaction, actor, window_id)
    document: dict[str, Json] = {
        "format": FORMAT,
        "window": _window(transaction, window),
        "terms": _terms(window),
        "admissions": _admissions(desk, transaction, actor, window_id),
        "holders": _holders(desk, transaction, actor, window_id),
        "fingerprints": [
            {
                "at": _iso(one.at),
                "moment": one.moment,
                "verdict": one.verdict.value,
                "matched": one.matched,
                "prompts": one.prompts,
                "policy": one.policy,
            }
            for one in serve.fingerprints(desk, transaction, actor, window_id)
        ],
        "evidence_ends": None if invalid is None else _iso(invalid),
        "chains": [_place(one) for one in places],
        "root": None if closure is None else closure.root,
        "receipts": None if closure is None else closure.receipts,
        "findings": _findings(transaction, window_id),
        "certificates": [
            {
                "admission": one.admission_id,
                "by": one.actor_id,
                "at": _iso(one.at),
                "destroyed": list(one.destroyed),
                "method": one.method,
                "terms": one.terms_sha256,
            }
            for one in _store.certificates(transaction, window_id)
        ],
    }
    return document | {"sha256": digest(document)}


def faults(document: dict[str, Json]) -> tuple[str, ...]:
    """Return what does not hold in a dossier: a changed word, or a chain outside the root."""
    body = {name: value for name, value in document.items() if name != "sha256"}
    found = []
    if digest(body) != document.get("sha256"):
        found.append("the document was changed")
    root, chains = str(document.get("root")), document.get("chains")
    found += [
        f"{one['chain'] if isinstance(one, dict) else one} is not under the root"
        for one in (chains if isinstance(chains, Sequence) else ())
        if not _under(one, root)
    ]
    return tuple(found)


def _under(one: Json, root: str) -> bool:
    match one:
        case {
            "chain": str(name),
            "entries": int(entries),
            "head": str(head),
            "leaf_index": int(index),
            "size": int(size),
            "path": [*path],
        }:
            leaf = canonical_bytes({"chain": name, "entries": entries, "head": head})
            steps = [bytes.fromhex(str(step)) for step in path]
            return merkle.inclusion_holds(
                merkle.leaf_hash(leaf), index, size, steps, bytes.fromhex(root)
            )
        case _:
            return False


def _window(transaction: Transaction, window: Window) -> dict[str, Json]:
    names = identity.party_names(transaction, [window.lab, window.government])
    return {
        "id": window.window_id,
        "label": window.label,
        "lab": names.get(window.lab),
        "government": names.get(window.government),
        "model": window.model.name,
        "digest": window.model.digest,
        "served_names": list(window.model.served_names),
        "state": window.state.value,
        "opens_at": _iso(window.times.opens_at),
        "partners_from": _iso(window.times.partners_from),
        "closes_at": _iso(window.times.closes_at),
        "opened_at": _iso(window.opened_at),
        "closed_at": _iso(window.closed_at),
        "selection": window.selection,
    }


def _terms(window: Window) -> dict[str, Json]:
    now = terms_of(window.terms)
    return {
        "name": window.terms,
        "sha256": window.terms_sha256,
        "unchanged": now.sha256 == window.terms_sha256,
        "clauses": [
            {"id": one.id, "title": one.title, "text": one.text, "sha256": one.sha256}
            for one in now.clauses
        ],
    }


def _admissions(desk: Desk, transaction: Transaction, actor: Actor, window_id: str) -> Json:
    found = admit.admissions(desk, transaction, actor, window_id)
    parties = [one.party for one in found] + [one.sponsor for one in found if one.sponsor]
    names = identity.party_names(transaction, parties)
    return [
        {
            "admission": one.admission_id,
            "party": names.get(one.party),
            "sponsor": names.get(PartyId(one.sponsor)) if one.sponsor else None,
            "track": one.track,
            "tier": one.tier.value,
            "state": one.state.value,
            "codes": list(one.reason_codes),
        }
        for one in found
    ]


def _holders(desk: Desk, transaction: Transaction, actor: Actor, window_id: str) -> Json:
    accepted = {row["grant_id"]: row for row in _store.acceptances(transaction, window_id)}
    made: list[Json] = []
    for grant, use in granting.grants(desk, transaction, actor, window_id):
        said = accepted.get(grant.grant_id)
        made.append(
            {
                "grant": grant.grant_id,
                "admission": grant.admission_id,
                "holder": grant.holder,
                "name": identity.actor_name(transaction, grant.holder),
                "state": grant.state.value,
                "not_before": _iso(grant.not_before),
                "not_after": _iso(grant.not_after),
                "key": grant.jkt,
                "terms_accepted_by": said["actor_id"] if said else None,
                "terms_accepted_at": _iso(said["at"]) if said else None,
                "calls": use.calls,
                "refused": use.refused,
                "tokens": use.tokens,
                "ended_because": grant.revoked_because,
            }
        )
    return made


def _findings(transaction: Transaction, window_id: str) -> Json:
    return [
        {"grant": one.grant_id, "kind": one.kind.value, "at": _iso(one.at)}
        for one in _store.findings(transaction, window_id)
    ]


def _place(one: ChainPlace) -> dict[str, Json]:
    return {
        "chain": one.chain,
        "entries": one.entries,
        "head": one.head,
        "leaf_index": one.leaf_index,
        "size": one.size,
        "path": list(one.path),
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
