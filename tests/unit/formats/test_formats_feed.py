"""A signed feed leads its readers forward only, and says of every fault what it is."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.formats import dsse, feed, feed_reading
from clearhouse.formats.canonical import canonical_bytes
from clearhouse.formats.feed import Entry, File, KeyList, Manifest
from clearhouse.formats.feed_faults import Code, FeedError, Whose

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
HOUSE = "https://clearinghouse.example"
FIRST, SECOND, STRANGER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in range(3))


def text(key):
    return feed.public_text(key.public_key())


KEYS_1 = KeyList(
    feed=HOUSE, version=1, issued=NOW - timedelta(days=9), keys=(text(FIRST),), threshold=1,
    ledger_keys=(text(STRANGER),), openpgp=("AB" * 20,),
)  # fmt: skip
KEYS_2 = replace(KEYS_1, version=2, issued=NOW, keys=(text(SECOND),))
ENTRY = Entry(
    id="CLR-2026-00001", revision=2, published=NOW - timedelta(days=3), modified=NOW, title="",
    ecosystems=("PyPI",), withdrawn=NOW,
    documents=(feed.file_of("2026/CLR-2026-00001/csaf.json", b"{}"),
               feed.file_of("2026/CLR-2026-00001/osv.json", b"[]")),
)  # fmt: skip
LIST, LIST_BYTES = feed.write_list([ENTRY])
MANIFEST = Manifest(
    feed=HOUSE, sequence=7, issued=NOW, expires=NOW + timedelta(days=7), keys_version=1,
    lists=(LIST,), archives=(feed.file_of("osv/all.zip", b"zip"),),
)  # fmt: skip


def chain(*lists):
    signers = {1: [FIRST], 2: [FIRST, SECOND]}
    return feed.write_key_chain(
        [feed.write_key_list(one, signers[one.version]) for one in lists or (KEYS_1,)]
    )


def opened(manifest=MANIFEST, *, keys=(FIRST,), at=NOW, known=None, lists=(KEYS_1,)):
    read = feed_reading.read_keys(chain(*lists))
    data = feed.write_manifest(manifest, keys)
    return feed_reading.read_manifest(data, read, at=at, known=known)


def fault(call, *arguments, **named):
    with pytest.raises(FeedError) as caught:
        call(*arguments, **named)
    return caught.value.fault


def test_a_feed_comes_back_as_it_was_written():
    seen = opened()
    assert seen.manifest == MANIFEST
    assert seen.manifest.advisories == 1
    assert feed_reading.read_list(LIST_BYTES, LIST) == (ENTRY,)
    assert ENTRY.document("osv.json").size_bytes == 2
    assert ENTRY.document("vex.json") is None
    remembered = json.dumps(seen.known.as_json()).encode()
    assert feed_reading.known(remembered, "state.json") == seen.known
    assert opened(known=seen.known).known == seen.known


def test_an_older_state_is_refused_to_a_reader_who_has_seen_a_newer_one():
    known = opened(replace(MANIFEST, sequence=8)).known
    said = fault(opened, known=known)
    assert (said.code, said.file, said.field) == (
        Code.ROLLED_BACK, "feed/manifest.json", "/sequence",
    )  # fmt: skip
    assert "number 7" in str(said)
    assert "keep the newer state" in str(said)


def test_two_states_of_one_number_are_evidence_against_the_publisher():
    known = opened(replace(MANIFEST, archives=())).known
    said = fault(opened, known=known)
    assert (said.code, said.whose) == (Code.TWO_FACED, Whose.PUBLISHER)
    later = opened(replace(MANIFEST, sequence=6, issued=NOW + timedelta(seconds=9))).known
    assert fault(opened, known=later).field == "/issued"


def test_a_state_past_its_end_or_from_the_future_is_not_the_newest():
    assert opened(at=NOW - timedelta(minutes=4)).manifest.sequence == 7
    assert fault(opened, at=NOW - timedelta(minutes=6)).code is Code.FUTURE
    assert fault(opened, at=NOW + timedelta(days=7)).code is Code.EXPIRED
    assert opened(at=None).manifest.sequence == 7


def test_a_strangers_signature_counts_for_nothing():
    said = fault(opened, keys=(STRANGER,))
    assert (said.code, said.file) == (Code.UNTRUSTED, "feed/manifest.json")


def test_too_few_signatures_count_for_nothing():
    keys = replace(KEYS_1, keys=(text(FIRST), text(SECOND)), threshold=2)
    both = feed.write_key_chain([feed.write_key_list(keys, [FIRST, SECOND])])
    read = feed_reading.read_keys(both)
    assert feed_reading.read_manifest(
        feed.write_manifest(MANIFEST, [FIRST, SECOND]), read, at=NOW
    ).manifest
    for signers in ([FIRST], [FIRST, FIRST], [FIRST, STRANGER]):
        data = feed.write_manifest(MANIFEST, signers)
        assert fault(feed_reading.read_manifest, data, read, at=NOW).code is Code.UNTRUSTED
    alone = feed.write_key_chain([feed.write_key_list(keys, [FIRST])])
    assert fault(feed_reading.read_keys, alone).code is Code.UNTRUSTED


def test_keys_change_only_by_the_word_of_the_keys_before():
    moved = opened(replace(MANIFEST, keys_version=2), keys=(SECOND,), lists=(KEYS_1, KEYS_2))
    assert moved.known.keys_version == 2
    assert fault(opened, keys=(FIRST,), lists=(KEYS_1, KEYS_2)).code is Code.UNTRUSTED
    assert fault(opened, keys=(SECOND,), lists=(KEYS_1, KEYS_2)).field == "/keys_version"
    for signers in ([SECOND], [FIRST]):
        usurped = feed.write_key_chain(
            [feed.write_key_list(KEYS_1, [FIRST]), feed.write_key_list(KEYS_2, signers)]
        )
        assert fault(feed_reading.read_keys, usurped).code is Code.UNTRUSTED


def test_a_reader_follows_the_chain_from_what_it_has_seen_and_from_nowhere_else():
    known = opened().known
    assert feed_reading.read_keys(chain(KEYS_1, KEYS_2), known=known).newest == KEYS_2
    other = replace(KEYS_1, issued=NOW)
    assert fault(feed_reading.read_keys, chain(other), known=known).code is Code.KEYS
    ahead = replace(known, keys_version=2)
    assert fault(feed_reading.read_keys, chain(), known=ahead).code is Code.ROLLED_BACK
    strange = replace(known, feed="https://else.example")
    assert fault(feed_reading.read_keys, chain(), known=strange).code is Code.FOREIGN
    assert fault(opened, known=strange).code is Code.FOREIGN


def test_a_trusted_key_must_have_signed_not_only_be_named():
    assert feed_reading.read_keys(chain(KEYS_1, KEYS_2), trusted=text(SECOND))
    named = replace(KEYS_1, keys=(text(FIRST), text(STRANGER)))
    said = fault(feed_reading.read_keys, chain(named), trusted=text(STRANGER))
    assert said.code is Code.UNTRUSTED
    assert fault(feed_reading.read_keys, chain(), trusted="no key").code is Code.KEYS


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"version": 2}, Code.KEYS),
        ({"threshold": 2}, Code.KEYS),
        ({"keys": ("short",)}, Code.KEYS),
        ({"feed": ""}, Code.BROKEN),
    ],
)
def test_a_key_list_that_cannot_hold_is_refused(changed, code):
    data = feed.write_key_chain([feed.write_key_list(replace(KEYS_1, **changed), [FIRST])])
    assert fault(feed_reading.read_keys, data).code is code


def test_a_chain_stays_with_one_house_and_is_never_empty():
    other = replace(KEYS_2, feed="https://else.example")
    assert fault(feed_reading.read_keys, chain(KEYS_1, other)).code is Code.FOREIGN
    assert fault(feed_reading.read_keys, feed.write_key_chain([])).code is Code.BROKEN
    assert fault(feed_reading.read_keys, feed.write_key_chain([{}])).field == "/chain/0"
    strange = replace(MANIFEST, feed="https://else.example")
    assert fault(opened, strange).code is Code.FOREIGN


@pytest.mark.parametrize("cut", [0, 1, 30, 200, -3])
def test_a_file_cut_short_is_refused_with_its_name(cut):
    data = feed.write_manifest(MANIFEST, [FIRST])[:cut]
    said = fault(feed_reading.read_manifest, data, feed_reading.read_keys(chain()), at=NOW)
    assert (said.code, said.file) == (Code.BROKEN, "feed/manifest.json")
    assert fault(feed_reading.read_keys, chain()[:cut]).file == "feed/keys.json"
    said = fault(feed_reading.read_list, LIST_BYTES[:cut], LIST)
    assert (said.code, said.file) == (Code.MISMATCH, LIST.file.path)


def test_a_list_changed_in_one_place_is_not_the_signed_one():
    changed = LIST_BYTES.replace(b"PyPI", b"PyPy")
    assert fault(feed_reading.read_list, changed, LIST).code is Code.MISMATCH
    miscounted = replace(LIST, advisories=2)
    said = fault(feed_reading.read_list, LIST_BYTES, miscounted)
    assert (said.field, said.whose) == ("/advisories", Whose.PUBLISHER)


def sealed(**changes):
    envelope = json.loads(feed.write_manifest(MANIFEST, [FIRST]))
    body = json.loads(base64.b64decode(envelope["payload"])) | changes
    body = {name: value for name, value in body.items() if value is not None}
    return json.dumps(dsse.seal(canonical_bytes(body), feed.MANIFEST_TYPE, [FIRST])).encode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"format": "clearhouse-feed/9"}, "/format"),
        ({"sequence": None}, "/sequence"),
        ({"sequence": 0}, "/sequence"),
        ({"sequence": True}, "/sequence"),
        ({"sequence": "7"}, "/sequence"),
        ({"issued": "2026-11-27T09:00:00+00:00"}, "/issued"),
        ({"lists": {}}, "/lists"),
        ({"lists": ["x"]}, "/lists/0"),
        ({"archives": [{"path": "../x", "size": 1, "sha256": "0" * 64}]}, "/archives/0/path"),
        ({"archives": [{"path": "/x", "size": 1, "sha256": "0" * 64}]}, "/archives/0/path"),
        ({"archives": [{"path": "a//b", "size": 1, "sha256": "0" * 64}]}, "/archives/0/path"),
        ({"archives": [{"path": "a", "size": -1, "sha256": "0" * 64}]}, "/archives/0/size"),
        ({"archives": [{"path": "a", "size": 1, "sha256": "0" * 63}]}, "/archives/0/sha256"),
    ],
)
def test_a_signed_manifest_of_another_shape_is_refused_at_its_place(changes, field):
    read = feed_reading.read_keys(chain())
    said = fault(feed_reading.read_manifest, sealed(**changes), read, at=NOW)
    assert (said.code, said.field) == (Code.BROKEN, field)


def test_a_signed_document_of_another_kind_is_no_manifest():
    envelope = dsse.seal(b"{}", "text/plain", [FIRST])
    read = feed_reading.read_keys(chain())
    data = json.dumps(envelope).encode()
    assert fault(feed_reading.read_manifest, data, read, at=NOW).code is Code.BROKEN
    broken = dsse.seal(b"[]", feed.MANIFEST_TYPE, [FIRST])
    data = json.dumps(broken).encode()
    assert "no JSON object" in fault(feed_reading.read_manifest, data, read, at=NOW).reason


def test_a_list_of_something_else_than_texts_is_refused():
    body = json.loads(LIST_BYTES)
    body["advisories"][0]["ecosystems"] = [1]
    data = canonical_bytes(body)
    wanted = replace(LIST, file=File(**{
        name: getattr(feed.file_of(LIST.file.path, data), name)
        for name in ("path", "size_bytes", "sha256")
    }))  # fmt: skip
    said = fault(feed_reading.read_list, data, wanted)
    assert said.field == "/advisories/0/ecosystems"


def test_equal_entries_in_any_order_give_one_list():
    other = replace(ENTRY, id="CLR-2026-00002")
    assert feed.write_list([ENTRY, other]) == feed.write_list([other, ENTRY])
