"""Make what was decided public: all files of all that is due, in one instant.

In: advisories that were decided, and the detection rules that may go with them. Out: the ids of
those that are public now. Refused: nothing here; an issue whose proof is not there yet waits for
the next run.

1. Prove: each event gets its place in the tree, and the tree head is signed.
2. Number: the feed gets its next number, which the ledger keeps, so that it never goes back, not
   even when the folder is lost.
3. Switch: the shelf shows everything at once. From here on it is public.
4. Note it in the store.
Killed between 3 and 4, the next run finds the issue on the shelf and only notes it.

Keys: version n of the key list names the key `feed-n`, which signs the feed, and `openpgp-n`, which
signs CSAF documents. A change adds a version, signed by the keys before and after, and everything
is signed anew.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.publish import _store, cards, detections, forms, provider
from clearhouse.clearing.publish.cards import Card, Issue
from clearhouse.clearing.publish.house import PUBLIC_READERS, publisher
from clearhouse.clearing.publish.provider import Edition, Provider, Rules
from clearhouse.clearing.publish.record import Advisory
from clearhouse.clearing.publish.shelf import Change, Shelf
from clearhouse.formats import feed, openpgp_signing
from clearhouse.kernel import ledger, ledger_reading, policy
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import Desk
from clearhouse.kernel.store.database import Transaction

PROOF = "proof.json"
_ISSUED, _KEYS = "feed.issued", "feed.keys"


def release(desk: Desk, waiting: Sequence[Advisory]) -> list[str]:
    """Make decided issues public in one instant; return the ids of those that are.

    Running it again, or in two processes at once, changes nothing twice.
    """
    if not waiting:
        return []
    _seal_ledger(desk)
    proofs = _proofs(desk, waiting)
    ready = [one for one in waiting if _name(one) in proofs]
    shelf = Shelf(desk.published_folder)

    def made() -> Change | None:
        before = cards.read(shelf.hidden(provider.CARDS))
        missing = [one for one in _newest(ready).values() if not _is_out(one, before)]
        if not missing:
            return None
        issues = [_issue(desk, one, proofs[_name(one)]) for one in missing]
        return _change(desk, shelf, before, issues)

    if ready:
        shelf.put_made(made)
    return [one.advisory_id for one in ready if _note(desk, shelf, one, proofs[_name(one)])]


def carry(desk: Desk) -> list[str]:
    """Let the feed carry the rules that it should by now; return the ids of those that came out.

    Rules come out with their advisory, in `release`; here come those that were added since, and
    those that have expired go. Running it again changes nothing twice.
    """
    shelf = Shelf(desk.published_folder)
    if shelf.read(feed.MANIFEST_PATH) is None:
        return []

    def made() -> Change | None:
        with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
            if not _rules(desk, transaction, shelf).changed:
                return None
        return _change(desk, shelf, cards.read(shelf.hidden(provider.CARDS)), [])

    shelf.put_made(made)
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        return [
            id_
            for advisory_id in detections.waiting(transaction)
            for id_ in detections.released(desk, transaction, _is_on(shelf), advisory_id)
        ]


def renew(desk: Desk) -> bool:
    """Sign the feed anew when it is old enough, so that readers see that nothing is held back."""
    shelf = Shelf(desk.published_folder)
    renewed = False

    def made() -> Change | None:
        nonlocal renewed
        manifest = shelf.read(feed.MANIFEST_PATH)
        now = desk.database.clock()
        if manifest is None:
            return None
        issued = datetime.fromisoformat(provider.own_manifest(manifest)["issued"])
        if now < issued + _hours("renew_hours"):
            return None
        renewed = True
        return _change(desk, shelf, cards.read(shelf.hidden(provider.CARDS)), [])

    if desk.published_folder.exists():
        shelf.put_made(made)
    return renewed


def rebuild(desk: Desk) -> int:
    """Make all public files anew from the store, and show them in one instant; return how many.

    What readers see changes only where it was not what it should be.
    """
    _seal_ledger(desk)
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        every = _store.every_public(transaction)
    newest = _newest(every)
    shelf = Shelf(desk.published_folder)

    def made() -> Change:
        issues = [_issue(desk, one, one.proof or b"") for one in newest.values()]
        earlier = [
            _issue(desk, one, one.proof or b"")
            for one in every
            if newest[one.advisory_id].revision != one.revision
        ]
        return _change(desk, shelf, {}, issues, earlier=earlier)

    shelf.put_made(made)
    return len(newest)


def rotate_keys(desk: Desk, actor: Actor) -> int:
    """Let new keys sign from now on, and sign everything anew; return the list's version.

    Raises: ForbiddenError.
    """
    desk.authority.demand_person(actor, "keys.rotate")
    version = 0

    def made() -> None:
        nonlocal version
        with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
            version = len(_key_lists(desk, transaction)) + 1
        with desk.database.transaction(actor.actor_id) as transaction:
            _add_keys(desk, transaction, version)

    Shelf(desk.published_folder).put_made(made)  # nobody else numbers meanwhile
    rebuild(desk)
    return version


def _change(
    desk: Desk,
    shelf: Shelf,
    before: Mapping[str, Card],
    issues: Sequence[Issue],
    *,
    earlier: Sequence[Issue] = (),
) -> Change:
    """Give the change its keys and its number; both are in the ledger before anybody sees them."""
    old = shelf.read if before or not issues else _nothing
    manifest = shelf.read(feed.MANIFEST_PATH)
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        house = _provider(desk, transaction)
        edition = _edition(transaction, manifest)
        rules = _rules(desk, transaction, shelf, [one.id for one in issues])
        change = provider.change(house, before, issues, edition, old, earlier=earlier, rules=rules)
        ledger.append(
            transaction,
            _ISSUED,
            "feed",
            {
                "sequence": edition.sequence,
                "manifest_sha256": feed.file_of("", change.indexes[feed.MANIFEST_PATH]).sha256,
                "policy": _policy(),
            },
            readers=PUBLIC_READERS,
        )
    return change


def _rules(desk: Desk, transaction: Transaction, shelf: Shelf, coming: Sequence[str] = ()) -> Rules:
    """Return the rules that are out, and those that shall be once these advisories are."""
    out = json.loads(shelf.hidden(provider.CARRIED) or b"{}")
    return Rules(
        before={id_: tuple(paths) for id_, paths in out.items()},
        after=detections.due(desk, transaction, coming),
    )


def _is_on(shelf: Shelf) -> Callable[[str], bool]:
    return lambda path: shelf.read(path) is not None


def _nothing(_: str) -> None:
    """Stand for the indexes before when everything is made anew."""


def _edition(transaction: Transaction, manifest: bytes | None) -> Edition:
    known = ledger_reading.newest_of(transaction, "feed", _ISSUED)
    numbers = [int(str(known.data["sequence"]))] if known else [0]
    if manifest is not None:
        numbers.append(int(provider.own_manifest(manifest)["sequence"]))
    return Edition(sequence=max(numbers) + 1, issued=transaction.now, life=_hours("life_hours"))


def _provider(desk: Desk, transaction: Transaction) -> Provider:
    lists = _key_lists(desk, transaction)
    if not lists:
        _add_keys(desk, transaction, 1)
        lists = _key_lists(desk, transaction)
    version = len(lists)
    envelopes = [
        feed.write_key_list(
            one,
            [_key(desk, "feed", step) for step in range(max(1, one.version - 1), one.version + 1)],
        )
        for one in lists
    ]
    return Provider(
        publisher=publisher(),
        address=desk.outside.counter_address,
        openpgp=_key(desk, "openpgp", version),
        feed_key=_key(desk, "feed", version),
        key_chain=feed.write_key_chain(envelopes),
        keys_version=version,
    )


def _key_lists(desk: Desk, transaction: Transaction) -> list[feed.KeyList]:
    """Return the key lists of this publisher, as the ledger has them."""
    own = publisher().namespace
    return [
        feed.KeyList(
            feed=own,
            version=number,
            issued=event.at,
            keys=tuple(event.data["keys"]),  # type: ignore[arg-type] # as `_add_keys` wrote it
            threshold=1,
            ledger_keys=(feed.public_text(desk.keys.signing_key().public_key()),),
            openpgp=tuple(event.data["openpgp"]),  # type: ignore[arg-type] # as above
        )
        for number, event in enumerate(
            (
                one
                for one in ledger_reading.history(transaction, ("feed-keys",))
                if one.kind == _KEYS and one.data["feed"] == own
            ),
            start=1,
        )
    ]


def _add_keys(desk: Desk, transaction: Transaction, version: int) -> None:
    ledger.append(
        transaction,
        _KEYS,
        "feed-keys",
        {
            "feed": publisher().namespace,
            "version": version,
            "keys": [feed.public_text(_key(desk, "feed", version).public_key())],
            "openpgp": [openpgp_signing.fingerprint(_key(desk, "openpgp", version).public_key())],
            "policy": _policy(),
        },
        readers=PUBLIC_READERS,
    )


def _key(desk: Desk, purpose: str, version: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(desk.keys.holder.secret(f"{purpose}-{version}"))


def _seal_ledger(desk: Desk) -> None:
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        while ledger.sequence(transaction):
            pass  # one batch at a time until nothing waits
        ledger.sign_head(transaction, desk.keys.signing_key())


def _proofs(desk: Desk, waiting: Sequence[Advisory]) -> dict[tuple[str, int], bytes]:
    found = {}
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        for one in waiting:
            proof = ledger.prove(transaction, one.event_id)
            if proof is not None:
                text = json.dumps(proof.as_json(), indent=2, sort_keys=True)
                found[_name(one)] = f"{text}\n".encode()
    return found


def _issue(desk: Desk, one: Advisory, proof: bytes) -> Issue:
    return Issue(
        id=one.advisory_id,
        revision=one.revision,
        added=desk.database.clock(),
        files={
            **{forms.BY_NAME[name].file: body for name, body in one.bodies.items()},
            PROOF: proof,
        },
    )


def _note(desk: Desk, shelf: Shelf, one: Advisory, proof: bytes) -> bool:
    """Step 4. What is on the shelf is what counts, so its proof is the one that is kept."""
    shown = shelf.read(f"history/{one.advisory_id}/{one.revision}/{PROOF}") or proof
    with desk.database.transaction(desk.clearing_actor.actor_id) as transaction:
        case_id = _store.case_of(transaction, one.advisory_id)
        fresh = _store.written(transaction, one, shown)
        if fresh and case_id is not None:
            casework.mark_published(desk, transaction, desk.clearing_actor, case_id, one.decided_at)
        detections.released(desk, transaction, _is_on(shelf), one.advisory_id)
    return fresh


def _name(one: Advisory) -> tuple[str, int]:
    return one.advisory_id, one.revision


def _newest(advisories: Sequence[Advisory]) -> dict[str, Advisory]:
    """Return the newest issue of each advisory."""
    found: dict[str, Advisory] = {}
    for one in advisories:
        if one.advisory_id not in found or found[one.advisory_id].revision < one.revision:
            found[one.advisory_id] = one
    return found


def _is_out(one: Advisory, before: Mapping[str, Card]) -> bool:
    return one.advisory_id in before and before[one.advisory_id].revision >= one.revision


def _hours(name: str) -> timedelta:
    return timedelta(hours=float(str(policy.load("publish/feed-1")[name])))


def _policy() -> str:
    document = policy.load("publish/feed-1")
    return f"{document['id']}/{document['version']}"
