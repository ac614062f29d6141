"""An embargoed case cannot be read, counted, searched or inferred by anyone not read in.

Every check first shows that there is something to leak: who is read in sees it by the same door.
"""

import base64
import hashlib
import json
import re
from dataclasses import replace
from functools import cache
from itertools import pairwise

import psycopg
import pytest

from clearhouse.clearing import route
from clearhouse.clearing.coordinate import channels, messages
from clearhouse.clearing.coordinate.pacing import Wish
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.operations import Arrival, take_in
from clearhouse.clearing.intake.record import Draft, Location
from clearhouse.clearing.match import operations as match
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel import ledger_export
from clearhouse.kernel.outside import Outside
from scenario.leaks_canaries import (
    DRAFT,
    MARK,
    ORIGINAL,
    PLAIN,
    POC,
    Scanner,
    fields,
    guessable,
    word,
)
from scenario.leaks_routes import EXAMPLES, Ask, asks, routes
from scenario.leaks_scene import (
    ORDINARY,
    difference,
    do,
    doors_of,
    embargoed_case,
    exported_lines,
    fresh_house,
    move,
    ordinary_day,
    parted,
    pretended,
)
from scenario.leaks_store import alike, as_actor, dump, tables, told, visible
from smtp_house import hook_server, mail_server

pytestmark = pytest.mark.no_cover

SCANNER = Scanner()


@pytest.fixture(scope="module")
def scene(installation, tmp_path_factory):
    """The ordinary day as strangers see it, then the embargoed case, then what they see again."""
    with fresh_house(installation, tmp_path_factory.mktemp("leaks")) as (app, owner_url):
        made = ordinary_day(app, owner_url)
        nothing = pretended(_SHAPES)
        made.before = _seen(made, nothing)
        embargoed_case(made)
        made.after = _seen(made, nothing)
        # Only now, because the size of the ledger is public: docs/threat-model.md, Volume.
        route.seal_ledger(app.desk)
        yield made


def _seen(scene, ids):
    return {
        name: {str(ask): viewer.ask(ask).without(()) for ask in asks(ids)}
        for name, viewer in scene.strangers.items()
    }


_SHAPES = {
    "report": "rep_" + "a" * 26, "receipt": "SUB-" + "a" * 18, "finding": "fnd_" + "a" * 26,
    "other_finding": "fnd_" + "b" * 26, "case": "cas_" + "a" * 26, "edge": "edg_" + "a" * 26,
    "event": "evt_" + "a" * 26, "vendor": "pty_" + "a" * 26, "token": "tok_" + "a" * 26,
    "session": "ses_" + "a" * 26, "window": "win_" + "a" * 26, "admission": "adm_" + "a" * 26,
    "grant": "gra_" + "a" * 26, "thread": "thr_" + "a" * 26, "message": "msg_" + "a" * 26,
    "card": "crd_" + "a" * 26, "pool": "pol_" + "a" * 26,
}  # fmt: skip


def _named(ids):
    """Those of the case. Who may act and who signed in is known to those who watch over it."""
    return [name for kind, name in ids.items() if kind not in {"token", "session", "vendor"}]


@pytest.fixture(params=["nobody", "a coordinator of the house who is not on duty",
                        "an intake analyst", "an auditor", "an administrator",
                        "another reporter", "a vendor of something else"])  # fmt: skip
def stranger(request, scene):
    return scene.strangers[request.param]


@pytest.mark.parametrize("door", ["counter", "desk"])
def test_every_route_has_an_example_of_how_to_ask_it(scene, door):
    served = set(routes(doors_of(scene.app)[door]))
    assert served == set(EXAMPLES[door](scene.secret))


def test_every_process_that_serves_is_one_of_the_doors_asked(scene):
    from clearhouse.surfaces.cli import serve

    assert set(serve.command.commands) == {"counter", "desk", "worker", "validator", "gateway"}


def test_who_is_read_in_sees_the_case_by_every_door_that_tells_of_it(scene):
    for ask in asks(scene.secret):
        if ask.tells:
            answer = scene.owner.ask(ask)
            assert answer.status == 200, (str(ask), answer)
            told = SCANNER.found(answer.all) or [
                i for i in scene.all_ids if i.encode() in answer.all
            ]
            assert told, str(ask)


@pytest.fixture(scope="module")
def answered(scene):
    """What each stranger was answered to every way of asking for things of the case."""

    @cache
    def of(name):
        return [(ask, scene.strangers[name].ask(ask)) for ask in asks(scene.secret)]

    return of


def test_no_answer_to_a_stranger_holds_a_word_or_an_id_of_the_case(scene, stranger, answered):
    for ask, answer in answered(stranger.name):
        assert answer.status < 500, (str(ask), answer)
        text = answer.without(scene.secret.values())
        assert not SCANNER.found(text), (str(ask), SCANNER.found(text))
        assert not [one for one in scene.all_ids if one.encode() in text], str(ask)


def test_a_thing_of_the_case_and_a_thing_that_never_was_give_a_stranger_the_same_answer(
    scene, stranger, answered
):
    nothing = pretended(scene.secret)
    pairs = list(zip(answered(stranger.name), asks(nothing), strict=True))
    assert any(str(one) != str(other) for (one, _), other in pairs)
    told = {
        str(one): difference(
            answer.without(_named(scene.secret)), stranger.ask(other).without(_named(nothing))
        )
        for (one, answer), other in pairs
    }
    assert not parted(told), parted(told)


def test_lists_counts_and_pages_are_to_a_stranger_as_if_the_case_had_never_come(scene, stranger):
    then, now = scene.before[stranger.name], scene.after[stranger.name]
    told = {ask: difference(then[ask], now[ask]) for ask in then}
    assert not parted(told), parted(told)


def test_where_two_answers_part_is_told_in_words_of_both():
    head = b"200 (('content-length', '%d'),)\n"
    one, other = head % 9 + b"<p>three</p>", head % 8 + b"<p>four</p>"
    told = difference(one, other)
    assert told.splitlines() == [
        "body, byte 3",
        "  --- one:",
        "<p>three</p>",
        "  --- other:",
        "<p>four</p>",
    ]
    assert "'9'" in difference(one, head % 8 + b"<p>three</p>")
    assert parted({"here": "", "there": told}) == f"there: {told}"
    assert not difference(one, one)


def test_every_field_of_the_report_is_shown_to_who_is_read_in(scene):
    shown = b"".join(scene.owner.ask(ask).body for ask in asks(scene.secret) if ask.tells)
    marked = {text for _, text in fields(DRAFT) if isinstance(text, str) and "kestrelquoin" in text}
    hidden = {text for text in marked if text.encode() not in shown}
    assert hidden <= {DRAFT.contact}, hidden


def test_the_ledger_that_a_stranger_exports_verifies_and_shows_only_hashes_of_the_case(
    scene, stranger
):
    export = Ask("desk", "GET", "/ledger/export")
    whole = exported_lines(scene.owner.ask(export))
    assert any(line.get("event", {}).get("subject") == scene.secret["case"] for line in whole)
    answer = stranger.ask(export)
    if stranger.name == "nobody":
        assert answer.status == 303
        return
    lines = exported_lines(answer)
    assert len(lines) == len(whole)
    assert [line.get("leaf") for line in lines] == [line.get("leaf") for line in whole]
    assert all(line["event"]["subject"] not in scene.all_ids for line in lines if "event" in line)
    assert ledger_export.verify([json.dumps(line) for line in lines]).holds


def test_checking_the_ledger_tells_a_stranger_its_size_and_nothing_of_the_case(scene, stranger):
    verify = Ask("desk", "POST", "/ledger/verify", form={})
    answer = stranger.ask(verify)
    assert answer.status == (303 if stranger.name == "nobody" else 200)
    assert not [one for one in scene.all_ids if one.encode() in answer.all]


def test_checking_the_ledger_reads_more_of_it_to_its_owner_than_to_a_stranger(scene):
    def read(viewer):
        answer = viewer.ask(Ask("desk", "POST", "/ledger/verify", form={}))
        return int(re.search(rb"(\d+) of them with content you may read", answer.all).group(1))

    signed_in = [one for one in scene.strangers.values() if one.actor is not None]
    assert all(read(scene.owner) > read(stranger) for stranger in signed_in)


def test_a_receipt_tells_its_holder_how_far_it_is_and_nothing_else(scene, stranger):
    for path in ("/v1/submissions/{}", "/status/{}"):
        held = stranger.ask(Ask("counter", "GET", path.format(scene.secret["receipt"])))
        assert held.status == 200
        assert b"done" in held.body
        assert not SCANNER.found(held.all)
        guessed = stranger.ask(Ask("counter", "GET", path.format("SUB-" + "a" * 18)))
        assert guessed.status == 404


def test_ids_tell_neither_when_they_were_made_nor_how_many_there_are(scene):
    by_kind = {}
    for one in sorted(scene.all_ids):
        by_kind.setdefault(one[:4], []).append(one[4:])
    assert {"rep_", "fnd_", "cas_", "evt_", "SUB-"} <= set(by_kind)
    for kind, tails in by_kind.items():
        assert all(re.fullmatch("[a-z2-7]{18,26}", tail) for tail in tails), kind
    events = by_kind["evt_"]
    assert len(events) > 20
    # Of random ids none share their first six characters (30 bits); of timed or counted ones all.
    assert len({tail[:6] for tail in events}) == len(events)
    assert len({tail[-6:] for tail in events}) == len(events)
    with scene.desk.database.transaction(scene.desk.clearing_actor.actor_id) as transaction:
        rows = transaction.all("SELECT event_id FROM ledger_leaf ORDER BY leaf_index")
    order = [row["event_id"] for row in rows]
    rising = sum(one < other for one, other in pairwise(order))
    assert 0.2 < rising / len(order) < 0.8


SIMILAR = Draft(
    title="Overflow while a tree is loaded",
    description="The loader trusts the length in the header and copies it into a small buffer.",
    trigger="Load a tree whose header lies about its length.",
    purl=DRAFT.purl,
    affected_versions=("vers:pypi/>=1.0|<2.4",),
    cwes=("CWE-787",),
    locations=(Location(file="src/reader.c", function="read_header"),),
    already_public=True,  # so that no case is opened for it, and analysts go on seeing it
)
# It would open a case of its own, so that a case tells nothing of another one.
DUPLICATE = replace(
    SIMILAR,
    already_public=None,
    attachments=(replace(DRAFT.attachments[0], filename="poc.py", description=None),),
)


@pytest.fixture(scope="module")
def twins(installation, tmp_path_factory):
    """Two houses that are the same but for the embargoed case, and later take in the same reports."""
    with (
        fresh_house(installation, tmp_path_factory.mktemp("with")) as (app, owner_url),
        fresh_house(installation, tmp_path_factory.mktemp("without")) as (bare, bare_url),
    ):
        knowing, ignorant = ordinary_day(app, owner_url), ordinary_day(bare, bare_url)
        embargoed_case(knowing)
        for house in (knowing, ignorant):
            # Later by the clock too: of reports received in one instant, chance says which is first.
            move(house.app, minutes=1)
            house.receipts = {}
            rob = house.strangers["another reporter"]
            for name, draft in (("similar", SIMILAR), ("duplicate", DUPLICATE)):
                house.receipts[name] = take_in(
                    house.app.counter,
                    rob.actor,
                    Arrival(original=b"the same words", format="test", drafts=(draft,)),
                )
            house.desk.jobs.run_until_empty(house.desk.database.url)
        yield knowing, ignorant


def _report_of(house, name):
    with house.desk.database.transaction(house.desk.clearing_actor.actor_id) as transaction:
        (report,) = intake.reports_of(transaction, [house.receipts[name]])
        return report, match.finding(house.desk, transaction, match.finding_of(transaction, report))


def test_the_later_reports_do_meet_the_embargoed_ones(twins):
    knowing, ignorant = twins
    with knowing.desk.database.transaction(knowing.desk.clearing_actor.actor_id) as transaction:
        report, _ = _report_of(knowing, "similar")
        edges = transaction.all(
            "SELECT relation FROM match_edge WHERE left_report = %s OR right_report = %s",
            [report, report],
        )
    assert "suggested" in {edge["relation"] for edge in edges}
    _, joined = _report_of(knowing, "duplicate")
    assert joined.finding_id in knowing.all_ids
    _, alone = _report_of(ignorant, "duplicate")
    assert len(alone.report_ids) < len(joined.report_ids)


def test_an_analyst_cannot_tell_from_a_similar_report_that_an_embargoed_one_exists(twins):
    told_of = []
    for house in twins:
        analyst = house.strangers["an intake analyst"].actor
        report, finding = _report_of(house, "similar")
        names = {report, finding.finding_id, house.receipts["similar"]}
        with as_actor(house.desk.database.url, analyst.actor_id) as connection:
            rows = [
                line
                for table, row in visible(connection, protected_only=True)
                if names & set(re.findall(r"[a-zA-Z]{3}[_-][a-z2-7]{18,26}", repr(row)))
                for line in [f"{table} {alike(row)}"]
            ]
        assert len(rows) >= 8
        told_of.append(sorted(rows))
    assert told_of[0] == told_of[1]


def test_a_reporter_cannot_tell_a_duplicate_of_an_embargoed_report_from_a_new_one(twins):
    told_of = []
    for house in twins:
        rob = house.strangers["another reporter"]
        with as_actor(house.desk.database.url, rob.actor.actor_id) as connection:
            told_of.append(told(connection))
        pages = []
        for name in ("similar", "duplicate"):
            report, _ = _report_of(house, name)
            for path in ("/reports/{}", "/v1/desk/reports/{}"):
                answer = rob.ask(Ask("desk", "GET", path.format(report)))
                pages.append(
                    re.sub(rb"[a-zA-Z]{3}[_-][a-z2-7]{18,26}|form_token.{80}", b"", answer.all)
                )
        told_of.append(pages)
    assert told_of[0] == told_of[2]
    assert told_of[1] == told_of[3]


COUNTER_READS = {
    "clearhouse.advisory": {"advisory_id", "revision", "proof"},
    "clearhouse.advisory_document": {"advisory_id", "revision", "form", "body"},
    "clearhouse.released_determination": {
        "determination_id",
        "released_at",
        "ended_at",
        "envelope",
    },
    "clearhouse.tree_head": {"size", "at", "root", "envelope"},
    "clearhouse.detection_public": {
        "detection_id",
        "advisory_id",
        "kind",
        "leak",
        "expires_on",
        "fires",
        "telemetry",
        "rule",
        "sample_sha256",
        "released_at",
    },
    "public.procrastinate_jobs": {"id"},
}
"""All that the counter's role may ever select: what is public, and the number of a job it made."""

COUNTER_CALLS = {
    "authenticate", "earlier_submission", "principals", "submission_status",
    "relay_caller", "relay_earlier", "relay_has_matter", "relay_use_nonce",
    "advisories_of", "letters_of", "may_answer", "peer_lookup_of",
    "invitation_of", "statements_of", "may_state", "notices",
}  # fmt: skip
"""Functions that run with the owner's rights and that the counter's role may call."""

OPEN_TO_THE_DESK = {
    "account", "actor", "passkey", "sign_in_attempt", "ledger_leaf", "ledger_node", "ledger_pending", "party", "migration",
    "party_channel", "retired_key", "session", "sign_in_link", "token", "tree_head", "vendor_package",
}  # fmt: skip
"""Tables without need to know: who acts, hashes of the ledger, and who answers for a package."""


def test_the_counters_role_may_select_what_is_public_and_nothing_else(scene):
    with as_actor(scene.app.counter.database.url, None) as connection:
        readable = {}
        for row in tables(connection):
            name = f"{row['table_schema']}.{row['table_name']}"
            columns = connection.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
                " AND has_column_privilege(attrelid, attnum, 'SELECT')",
                [name],
            ).fetchall()
            if columns:
                readable[name] = {column["attname"] for column in columns}
        callable_ = connection.execute(
            "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'clearhouse'::regnamespace"
            " AND has_function_privilege(oid, 'EXECUTE')"
        ).fetchall()
    assert set(readable) == set(COUNTER_READS)
    assert readable["public.procrastinate_jobs"] == COUNTER_READS["public.procrastinate_jobs"]
    assert {row["proname"] for row in callable_} == COUNTER_CALLS


@pytest.mark.parametrize("actor", ["nobody", "the owner of the case", "a stranger"])
def test_the_counters_role_reads_nothing_of_the_case_whoever_it_says_it_is(scene, actor):
    actor_id = {
        "nobody": None,
        "the owner of the case": scene.owner.actor.actor_id,
        "a stranger": scene.strangers["an intake analyst"].actor.actor_id,
    }[actor]
    with as_actor(scene.desk.database.url, scene.owner.actor.actor_id) as connection:
        assert scene.all_ids & _ids_in(visible(connection))
    with as_actor(scene.app.counter.database.url, actor_id) as connection:
        assert not scene.all_ids & _ids_in(visible(connection))
        known = connection.execute("SELECT * FROM earlier_submission('\\x00')").fetchall()
        assert known == []


def test_every_table_is_under_need_to_know_or_on_the_list_of_those_that_are_not(scene):
    with as_actor(scene.desk.database.url, None) as connection:
        rows = connection.execute(
            "SELECT relname, relrowsecurity AND relforcerowsecurity AS held FROM pg_class"
            " WHERE relnamespace = 'clearhouse'::regnamespace AND relkind IN ('r', 'p')"
        ).fetchall()
    assert {row["relname"] for row in rows if not row["held"]} == OPEN_TO_THE_DESK


def test_the_desks_role_reads_nothing_of_the_case_for_nobody_or_for_a_stranger(scene, stranger):
    actor_id = stranger.actor and stranger.actor.actor_id
    with as_actor(scene.desk.database.url, scene.owner.actor.actor_id) as connection:
        assert len(scene.all_ids & _ids_in(visible(connection, protected_only=True))) > 40
    with as_actor(scene.desk.database.url, actor_id) as connection:
        rows = list(visible(connection, protected_only=True))
        everything = list(visible(connection))
    assert not scene.all_ids & _ids_in(rows)
    # Open tables hold names of events and of jobs that ended badly; neither tells what they are.
    assert not {one for one in scene.all_ids & _ids_in(everything) if not one.startswith("evt_")}
    assert not [table for table, row in everything if SCANNER.found(repr(row).encode())]


def _ids_in(rows):
    return {
        one for _, row in rows for one in re.findall(r"[a-zA-Z]{3}[_-][a-z2-7]{18,26}", repr(row))
    }


STATEMENTS = {
    "update": "UPDATE report SET readers = '{{role:coordinator}}' WHERE true",
    "delete": "DELETE FROM coordination_case",
    "returning": "UPDATE finding SET founded_at = founded_at RETURNING report_id",
    "copy": "INSERT INTO passage SELECT report_id, 'x', now(), 'x', 'cmp_x', '{{x}}' FROM report",
    "count": "SELECT count(*) FROM match_index_report",
    # Functions that run with the owner's rights.
    "set_readers": "SELECT set_readers('{compartment}', ARRAY['{actor}'])",
    "limit_originals": "SELECT limit_originals(ARRAY['{report}'], ARRAY['{actor}'])",
    "limit_findings": "SELECT limit_findings(ARRAY['{report}'], ARRAY['{actor}'])",
}
HARMLESS = {
    "authenticate": "needs the hash of a token",
    "earlier_submission": "asks for the actor's own",
    "foreign_keys": "whether the store is of other keys",
    "join_forbidden": "whether people parted two reports, to who knows both names",
    "next_advisory_number": "the number of the next advisory",
    "known_epochs": "which keys answer blind lookup, and how large their tables are",
    "known_buckets": "random numbers to whoever has had nothing evaluated",
    "known_since": "as above",
    "known_enter": "adds to the table",
    "known_count": "counts the table, for `known_epochs`",
    "known_forget": "empties the table of a key",
    "known_spend": "counts what a party asks",
    "known_preference_of": "what a party lets others learn of its reports",
    "known_holders": "needs a ticket, which only an evaluated fingerprint gives",
    "leases_on": "who scans a target; leases name no case",
    "coverage_of": "what was scanned of a target, as its holder lets be told",
    "introduce": "needs a ticket's mark, which is keyed",
    "show_field": "shows what both sides of the actor's own introduction have laid down",
    "principals": "who the actor is",
    "regroup_findings": "recomputes what follows from edges, and opens nothing",
    "submission_status": "needs the receipt",
    "whole_submissions": "tells who may read an original whether it holds more",
}


def test_every_function_with_the_owners_rights_is_tried_or_said_to_be_harmless(scene):
    with as_actor(scene.desk.database.url, None) as connection:
        rows = connection.execute(
            "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'clearhouse'::regnamespace"
            " AND has_function_privilege(oid, 'EXECUTE')"
        ).fetchall()
    assert {row["proname"] for row in rows} <= {*STATEMENTS, *HARMLESS}


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_of_the_desks_role_reaches_the_case_for_a_stranger(scene, name):
    stranger = scene.strangers["a coordinator of the house who is not on duty"].actor
    with as_actor(scene.desk.database.url, scene.owner.actor.actor_id) as connection:
        row = connection.execute(
            "SELECT compartment FROM report WHERE report_id = %s", [scene.secret["report"]]
        ).fetchone()
    text = STATEMENTS[name].format(
        compartment=row["compartment"], actor=stranger.actor_id, report=scene.secret["report"]
    )
    with as_actor(scene.desk.database.url, stranger.actor_id) as connection:
        if name in {"set_readers", "limit_originals", "limit_findings"}:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(text)
        else:
            done = connection.execute(text)
            touched = done.fetchall() if done.description else []
            assert touched in ([], [{"count": 0}])
            assert name == "count" or done.rowcount == 0
        connection.rollback()


def test_a_copy_of_the_whole_database_holds_no_word_of_the_report_nor_its_plain_hash(scene):
    rows = list(dump(scene.owner_url))
    assert len(rows) > 1000
    assert any(scene.secret["case"].encode() in text for _, text in rows)
    found = {(table, needle) for table, text in rows for needle in SCANNER.found(text)}
    assert not found


@pytest.mark.parametrize("text", [*sorted(guessable())[:3], ORIGINAL, POC])
def test_the_search_of_the_copy_would_find_a_word_in_every_disguise(text):
    digest = hashlib.sha256(text)
    for shown in (text, text.hex().encode(), b"x" + base64.b64encode(b"??" + text), text.upper()):
        assert SCANNER.found(b"before " + shown + b" after")
    for shown in (digest.digest(), digest.hexdigest().encode(), base64.b64encode(digest.digest())):
        assert SCANNER.found(b"before " + shown + b" after")
    assert not SCANNER.found(b"an ordinary report about " + ORDINARY.purl.encode())


def test_no_file_of_the_store_or_of_the_house_holds_a_word_of_the_report(scene, installation):
    home, server = installation
    with psycopg.connect(scene.owner_url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    places = [home, server.folder, scene.desk.published_folder]
    assert any(scene.desk.published_folder.rglob("osv.json")), "something was published"
    words = [MARK.encode(), *(text.encode() for text in PLAIN)]
    seen = 0
    for path in {path for place in places for path in place.rglob("*")}:
        if path.is_file() and "wheel" not in path.parts:
            data = path.read_bytes()
            seen += len(data)
            assert not [word for word in words if word in data], path
    assert seen > 10_000_000


def test_no_mail_and_no_request_that_leaves_the_house_holds_a_word_or_an_id_of_the_case(scene):
    cora, vendor = scene.owner.actor, scene.secret["vendor"]
    with mail_server() as mail, hook_server() as hook:
        ways = Outside(desk_address="http://127.0.0.1:8441", mail=mail.address)
        object.__setattr__(scene.desk, "outside", ways)
        with psycopg.connect(scene.owner_url, options="-c search_path=clearhouse") as owner:
            owner.execute("UPDATE party SET contact = 'psirt@trees.example'")
            rows = owner.execute("SELECT case_id, sent_at FROM notice").fetchall()
        assert (scene.secret["case"], None) in rows, "there is something to tell"
        route.tell_parties(scene.desk)
        do(scene.app, cora, channels.set_channel, vendor, webhook=hook.address, wish=Wish())
        do(scene.app, cora, messages.post, scene.secret["thread"], text=word("again"), tlp=Tlp.RED)
        with psycopg.connect(scene.owner_url, options="-c search_path=clearhouse") as owner:
            owner.execute("UPDATE notice SET sent_at = NULL")
        route.tell_parties(scene.desk)
    assert mail.letters
    assert hook.asked
    sent = [*mail.letters, *(repr(one).encode() for one in hook.asked)]
    for one in sent:
        assert not SCANNER.found(one)
        assert not [known for known in scene.all_ids if known.encode() in one]


def test_an_envelope_of_nobody_is_answered_alike_whatever_it_names(scene, stranger):
    said = [
        stranger.ask(
            Ask("counter", "POST", "/v1/relay", json={"handle": handle, "answers": handle})
        )
        for handle in (*sorted(scene.all_ids)[:3], scene.secret["case"], "hnd_" + "a" * 26)
    ]
    assert {one.status for one in said} == {401}
    assert len({one.all for one in said}) == 1


def test_what_is_relayed_goes_to_its_peer_alone_and_says_what_it_is_in_the_sealed_body_only(scene):
    with hook_server() as hook:
        with psycopg.connect(scene.owner_url, options="-c search_path=clearhouse") as owner:
            owner.execute(
                "UPDATE relay_peer SET address = %s", [hook.address.removesuffix("/hook")]
            )
            owner.execute("UPDATE relay_out SET due_at = '2000-01-01'")
        hook.answers = 202
        route.send_relays(scene.desk)
    assert {path for path, _, _ in hook.asked} == {"/v1/relay"}
    assert SCANNER.found(b"".join(body for _, _, body in hook.asked)), "the peer is told the case"
    for path, headers, _ in hook.asked:
        assert not SCANNER.found(repr((path, headers)).encode())
        assert not [known for known in scene.all_ids if known in repr((path, headers))]
