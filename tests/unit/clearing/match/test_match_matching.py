"""Many reports at once get the answers of one after the other."""

import hashlib
import importlib.util
import itertools
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import house
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.match import _compare, _index, bulk, matching
from clearhouse.clearing.match.bench import Archive
from clearhouse.clearing.match.model import model
from clearhouse.clearing.match.shelf import Filed, Shelf, shelf_of
from clearhouse.clearing.match.sketch import material, sketch

_PERF = importlib.util.spec_from_file_location(
    "perf_match", Path(__file__).parents[4] / "perf" / "match.py"
)
benchmark = importlib.util.module_from_spec(_PERF)
_PERF.loader.exec_module(benchmark)

PLACES = ("parse_header", "yaml/constructor.py", "FullConstructor", "read_chunk", "net/http.c")
FLAWS = (
    "a heap buffer overflow that writes past the end of the buffer",
    "SQL injection through the sort parameter",
    "stored cross-site scripting in the comment field",
    "an integer overflow when the length is computed",
)
CIRCUMSTANCES = ("A remote attacker sends", "An authenticated user uploads", "A guest opens")


def reports(count, seed=3):
    """Return reports of few flaws in changing words, so that many are alike."""
    draw = random.Random(seed)
    return [
        Draft(
            title=f"{draw.choice(FLAWS)} in {place}",
            description=f"{draw.choice(CIRCUMSTANCES)} a file of {number % 7} chunks. In {place}"
            f" there is {draw.choice(FLAWS)}; see variable{draw.randrange(5)}.",
            purl=f"pkg:pypi/package-{draw.randrange(4)}" if number % 3 else None,
            software=f"package-{draw.randrange(4)}",
            cwes=("CWE-787",) if number % 2 else (),
        )
        for number in range(count)
        for place in [draw.choice(PLACES)]
    ]


def match_in_batches(app, drafts, size, *, packing=False):
    """Match all reports; return for each what it was like, by the numbers of the reports."""
    ids = [house.submit(app, one) for one in drafts]
    numbers = {report_id: number for number, report_id in enumerate(ids)}
    found = {}
    for batch in itertools.batched(ids, size) if hasattr(itertools, "batched") else _cut(ids, size):
        with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
            found |= matching.match_reports(
                app.desk, transaction, app.desk.clearing_actor, list(batch)
            )
        if packing:
            with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
                _index.pack_postings(transaction)
    assert found.keys() == numbers.keys()
    return [
        sorted((one.log_odds, numbers[one.place.report_id]) for one in found[report_id].comparisons)
        for report_id in ids
    ]


def _cut(ids, size):
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def in_memory(drafts):
    archive = Archive(model=model())
    return [
        sorted(
            (one.log_odds, one.number)
            for one in archive.take(str(number), sketch(material(one_draft)))
        )
        for number, one_draft in enumerate(drafts)
    ]


@pytest.mark.parametrize(("size", "packing"), [(1, False), (7, True), (40, False)])
def test_however_many_are_matched_at_once_the_answers_are_those_of_the_benchmark(
    app, size, packing
):
    drafts = reports(40)
    answers = match_in_batches(app, drafts, size, packing=packing)
    assert answers == in_memory(drafts)
    assert sum(map(len, answers)) > 100


def stored(app):
    """Return everything that the tables of the index hold, as bytes."""
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        rows = [
            *transaction.all("SELECT * FROM match_index_report"),
            *transaction.all("SELECT * FROM match_index_recent"),
            *transaction.all("SELECT * FROM match_index_posting"),
            *transaction.all("SELECT * FROM match_index_key"),
        ]
    values = [value for row in rows for name, value in row.items() if name != "kind"]
    return b"\n".join(v if isinstance(v, bytes) else str(v).encode() for v in values)


def test_the_index_holds_no_word_of_a_report_and_none_of_its_plain_hashes(app):
    drafts = [replace(one, aliases=("CVE-2099-77",)) for one in reports(12)]
    match_in_batches(app, drafts, 4, packing=True)
    latest = house.submit(app, drafts[0])
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        matching.match_reports(app.desk, transaction, app.desk.clearing_actor, [latest])
    kept = stored(app)
    assert len(kept) > 10_000
    plain = [sketch(material(one)) for one in drafts]
    words = {str(word) for one in plain for word in one.all_words | one.specifics | one.names}
    assert not [word for word in words if len(word) > 3 and word.encode() in kept.lower()]
    for word in [*words, "CVE-2099-77"]:
        for name in ("sha256", "sha1", "md5", "blake2b"):
            digest = hashlib.new(name, word.encode()).digest()
            assert digest[:8] not in kept, (word, name)
            assert digest[-8:] not in kept, (word, name)


def index_of(app):
    """Return what the index holds of reports: their sketches, and who is filed under what."""
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        rows = transaction.all(
            "SELECT serial, package, length, sketch FROM match_index_report ORDER BY serial"
        )
        return rows, filed_lately(transaction)


def filed_lately(transaction):
    """Return who is filed under what and not packed yet, pair by pair."""
    rows = transaction.all(
        "SELECT token, ('x' || encode(substring(entries FROM at FOR 8), 'hex'))::bit(64)::bigint AS entry"
        " FROM match_index_recent, generate_series(1, octet_length(entries), 8) AS at"
        " ORDER BY token, entry"
    )
    return [(row["token"], row["entry"]) for row in rows]


def test_the_benchmark_of_look_ups_files_exactly_what_matching_files(app):
    drafts = reports(30)
    match_in_batches(app, drafts, 5)
    online = index_of(app)
    assert len(online[0]) == 30
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        _index.clear(transaction)
        for start, end in ((0, 7), (7, 20), (20, 30)):
            readings = _compare.read_all(app.desk, drafts[start:end])
            benchmark.file_all(transaction, online[0][start]["serial"], readings)
    assert index_of(app) == online


def pairs(found):
    return sorted((token, entry) for token, entries in found.items() for entry in entries)


def test_packing_moves_every_entry_once_and_finds_nothing_the_second_time(app):
    match_in_batches(app, reports(9), 9)
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        before = filed_lately(transaction)
        tokens = {token for token, _ in before}
        held = _index.held(transaction, tokens)
        assert held.counts == Counter(token for token, _ in before)
        assert pairs(_index.postings(transaction, held, tokens)) == before
        assert _index.pack_postings(transaction) == len(before) == len(set(before))
        packed = _index.held(transaction, tokens)
        assert packed.counts == held.counts
        assert pairs(_index.postings(transaction, packed, tokens)) == before
        assert _index.pack_postings(transaction) == 0


@pytest.mark.parametrize("packing", [True, False])
def test_a_report_taken_out_of_the_index_is_found_no_more_and_the_others_are(app, packing):
    drafts = [*reports(6), *reports(6)]
    match_in_batches(app, drafts, 12, packing=packing)
    actor = app.desk.clearing_actor.actor_id
    with app.desk.database.transaction(actor) as transaction:
        serials = [r["serial"] for r in transaction.all("SELECT serial FROM match_index_report")]
        gone, *others = sorted(serials)
        _index.remove(transaction, gone)
        rows = transaction.all(
            "SELECT token FROM match_index_posting UNION SELECT token FROM match_index_recent"
        )
        tokens = {row["token"] for row in rows}
        found = pairs(_index.postings(transaction, _index.held(transaction, tokens), tokens))
        assert {entry >> 16 for _, entry in found} == set(others)
        assert _index.filed(Shelf(), transaction, serials).keys() == set(others)


def filed(app, shelf, serials):
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        return _index.filed(shelf, transaction, serials)


def test_what_stands_on_the_shelf_is_what_the_store_holds_now(app):
    match_in_batches(app, reports(6), 6)
    actor = app.desk.clearing_actor.actor_id
    with app.desk.database.transaction(actor) as transaction:
        rows = transaction.all("SELECT serial FROM match_index_report ORDER BY serial")
    serials = [row["serial"] for row in rows]
    kept = shelf_of(app.desk.database)
    assert kept is shelf_of(app.desk.database)
    assert filed(app, kept, serials) == filed(app, kept, serials) == filed(app, Shelf(), serials)
    with app.desk.database.transaction(actor) as transaction:
        _index.remove(transaction, serials[0])
    assert filed(app, kept, serials).keys() == set(serials[1:])
    bulk.begin_again(app.desk)
    assert filed(app, kept, serials) == {}
    bulk.match_archive(app.desk)
    assert filed(app, kept, serials) == filed(app, Shelf(), serials)
    assert filed(app, kept, serials).keys() == set(serials)


def test_a_shelf_lets_go_of_what_was_not_used_for_longest():
    shelf = Shelf(room=20)
    one = {serial: Filed(packed=b"x" * 8, group=serial) for serial in (1, 2, 3)}
    shelf.put(7, {1: one[1], 2: one[2]})
    assert shelf.of(7, [1]) == {1: one[1]}
    shelf.put(7, {3: one[3]})
    assert shelf.of(7, [1, 2, 3]) == {1: one[1], 3: one[3]}


def test_a_shelf_keeps_nothing_from_before_a_removal():
    shelf = Shelf()
    one = Filed(packed=b"x", group=1)
    shelf.put(7, {1: one})
    assert shelf.of(8, [1]) == {}
    shelf.put(7, {1: one})
    assert shelf.of(7, [1]) == shelf.of(8, [1]) == {}
    shelf.put(8, {1: one})
    assert shelf.of(8, [1, 2]) == {1: one}


def test_reports_that_say_the_same_join_one_group_through_the_one_nearest_to_them(app):
    drafts = reports(5)
    match_in_batches(app, [*drafts, drafts[0], drafts[3], drafts[0]], 3)
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        rows = transaction.all(
            "SELECT report_id, serial, joined FROM match_report JOIN match_index_report"
            " USING (serial) ORDER BY serial"
        )
        edges = transaction.all("SELECT right_report FROM match_edge WHERE companion")
    ids = [row["report_id"] for row in rows]
    groups, began = [row["joined"] for row in rows], [row["serial"] for row in rows]
    assert groups[5] == groups[7] == groups[0] == began[0]
    assert groups[6] == groups[3] == began[3]
    joined = sorted(edge["right_report"] for edge in edges)
    assert {ids[5], ids[6], ids[7]} <= set(joined)
    assert len(set(joined)) == len(joined)


def suggested(app, ids):
    """Return what counts now between these reports, by their numbers, with the score."""
    numbers = {report_id: number for number, report_id in enumerate(ids)}
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        rows = transaction.all("SELECT * FROM match_edge WHERE state = 'active'")
    return sorted(
        (numbers[row["left_report"]], numbers[row["right_report"]], round(row["score"], 4))
        for row in rows
    )


class Killed(Exception):  # noqa: N818 - it stands for a death, not for an error
    pass


def test_an_archive_is_matched_with_the_answers_of_one_by_one_though_it_is_killed(app, monkeypatch):
    monkeypatch.setattr(bulk, "TOGETHER", 6)
    monkeypatch.setattr(bulk, "_PAGE", 10)
    drafts = reports(30)
    ids = [house.submit(app, one) for one in drafts]
    for report_id in ids:
        with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
            matching.match_reports(app.desk, transaction, app.desk.clearing_actor, [report_id])
    one_by_one = suggested(app, ids)
    assert one_by_one
    assert bulk.match_archive(app.desk) == bulk.Progress(seen=30, matched=0)

    def die(progress):
        if progress.seen >= 12:
            raise Killed

    assert bulk.begin_again(app.desk) == 30
    with pytest.raises(Killed):
        bulk.match_archive(app.desk, die)
    done = bulk.match_archive(app.desk)
    assert (done.seen, done.matched) == (30, 14)  # two batches of the first page, one of the next
    assert suggested(app, ids) == one_by_one


def test_who_does_not_wait_leaves_what_somebody_is_at_and_matches_the_others(app, monkeypatch):
    names = ("alike", "alike", "apart")
    ids = [house.submit(app, Draft(title=f"Loops in {one}", software=one)) for one in names]
    first, second, other = ids
    actor = app.desk.clearing_actor
    with app.desk.database.transaction(actor.actor_id) as busy:
        assert matching.match_reports(app.desk, busy, actor, [first]).keys() == {first}
        with app.desk.database.transaction(actor.actor_id) as transaction:
            asked = [second, other]
            left = matching.match_reports(app.desk, transaction, actor, asked, wait=False)
            assert left.keys() == {other}
        monkeypatch.setattr(matching, "load", None)  # what is known to be locked is not read again
        assert bulk._match(app.desk, [second], wait=False).locked == [second]
        monkeypatch.undo()
    assert bulk.match_archive(app.desk) == bulk.Progress(seen=3, matched=1)
    with app.desk.database.transaction(actor.actor_id) as transaction:
        assert not any(matching.waits(transaction, one) for one in ids)
