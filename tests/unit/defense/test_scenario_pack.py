import json
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.defense.scenario import audit as auditing
from clearhouse.defense.scenario.attack_map import attack_map
from clearhouse.defense.scenario.audit import audit, judge
from clearhouse.defense.scenario.grade import Claim, Grade
from clearhouse.defense.scenario.office.build import office
from clearhouse.defense.scenario.pack import PackError, read_pack, sign_pack, signed_by
from clearhouse.defense.scenario.recording import QueryError, temporary, write
from clearhouse.defense.scenario.truth import TruthClass, steps
from clearhouse.formats.dsse import UntrustedEnvelopeError
from defense_scene import NOON, event, pack, small_audit, small_office, step


def test_events_come_back_whole_in_the_order_of_time(tmp_path):
    given = [event(minute, CommandLine=f"ä{minute}", Port=minute) for minute in (5, 1, 3)]
    recording = write(given, tmp_path / "events")
    assert list(recording) == sorted(given, key=lambda one: one.at)
    assert len(recording) == 3
    assert given[0] in recording
    assert recording.span() == (given[1].at, given[0].at)
    assert [one.uid for one in recording.between(NOON, NOON + timedelta(minutes=4))] == [
        given[1].uid,
        given[2].uid,
    ]


def test_an_event_that_is_there_twice_keeps_both_rows_under_two_ids(tmp_path):
    recording = write([event(1), event(1)], tmp_path / "events")
    first, second = recording
    assert second.uid == f"{first.uid}~2"
    assert set(recording.get([first.uid, "nothing"])) == {first.uid}


def test_more_events_than_one_chunk_are_all_read(tmp_path, monkeypatch):
    monkeypatch.setattr("clearhouse.defense.scenario.recording._CHUNK", 7)
    recording = write((event(minute) for minute in range(21)), tmp_path / "events")
    assert len({one.uid for one in recording}) == 21


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "COPY events TO '/tmp/x'",
        "SELECT 1; DROP TABLE events",
        "SELECT 1) ; DROP TABLE events; --",
        "ATTACH '/tmp/x.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "DELETE FROM events",
        "nonsense",
        "",
    ],
)
def test_a_tools_question_reaches_nothing_but_the_table_of_events(sql):
    with temporary([event(1)]) as recording:
        questions = recording.questions()
        with pytest.raises(QueryError):
            questions.ask(sql)
        assert questions.ask("SELECT count(*) FROM events")[1] == [[1]]
        questions.close()


def test_a_question_gets_at_most_two_hundred_rows():
    with temporary(event(minute) for minute in range(230)) as recording:
        columns, rows = recording.questions().ask(
            "SELECT uid, fields->>'Computer' AS c FROM events -- all"
        )
    assert columns == ["uid", "c"]
    assert len(rows) == 200


def test_an_empty_recording_has_no_span():
    with temporary([]) as recording:
        assert len(recording) == 0
        assert list(recording) == []
        assert recording.unmentioned([]) == ()
        with pytest.raises(QueryError, match="no event"):
            recording.span()


def test_the_same_seed_makes_the_same_office(tmp_path):
    one, other = (office(tmp_path / name, seed=7, pace=0.1) for name in ("a", "b"))
    assert [x.uid for x in one.events] == [x.uid for x in other.events]
    assert one.truths == other.truths
    assert office(tmp_path / "a", seed=7).sha256 == one.sha256
    different = office(tmp_path / "c", seed=8, pace=0.1)
    assert {x.uid for x in one.events}.isdisjoint(x.uid for x in different.events)


def test_the_office_has_a_quiet_week_and_at_least_twelve_fully_labelled_attacks():
    made = small_office()
    malicious = steps(made.truths)
    assert len({one.attack for one in malicious}) >= 12
    assert all(one.events and one.technique and one.visible_in for one in malicious)
    assert len(made.events.get([uid for one in made.truths for uid in one.events])) == sum(
        len(one.events) for one in made.truths
    )
    quiet_end = made.history.span()[1]
    assert all(one.start > quiet_end for one in malicious)
    assert {one.kind for one in made.truths} >= {TruthClass.LOOKALIKE, TruthClass.COLLATERAL}


def test_a_pack_is_read_back_as_it_was_written(tmp_path):
    shown = [event(1)]
    made = pack(tmp_path, shown, [step([shown[0].uid])])
    assert read_pack(tmp_path) == made
    assert made.name == "made-1"
    assert made.history is None


@pytest.mark.parametrize("change", ["edit", "add", "remove"])
def test_a_pack_that_was_touched_is_refused_and_the_file_is_named(tmp_path, change):
    pack(tmp_path, [event(1)], [step()])
    truth = tmp_path / "truth.jsonl"
    if change == "edit":
        truth.write_bytes(truth.read_bytes().replace(b"a1", b"a2"))
    elif change == "add":
        (tmp_path / "truth.jsonl.extra").write_text("x")
    else:
        truth.unlink()
    with pytest.raises(PackError, match=r"truth\.jsonl"):
        read_pack(tmp_path)


def test_a_folder_that_is_no_pack_is_refused(tmp_path):
    with pytest.raises(PackError, match="no scenario pack"):
        read_pack(tmp_path)


def test_times_without_a_zone_and_steps_that_end_before_they_start_are_refused(tmp_path):
    naive = replace(step(), start=NOON.replace(tzinfo=None), end=NOON.replace(tzinfo=None))
    with pytest.raises(PackError, match="no zone"):
        pack(tmp_path / "a", [event(1)], [naive])
    with pytest.raises(PackError, match="ends before"):
        pack(tmp_path / "b", [event(1)], [step(start=5, end=1)])


def test_a_signature_holds_for_this_pack_and_this_key_alone(tmp_path):
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    made = pack(tmp_path, [event(1)], [step()])
    with pytest.raises(PackError, match="not signed"):
        signed_by(made, [key.public_key()])
    sign_pack(made, key)
    assert read_pack(tmp_path) == made
    assert len(signed_by(made, [key.public_key(), other.public_key()])) == 1
    with pytest.raises(UntrustedEnvelopeError):
        signed_by(made, [other.public_key()])
    with pytest.raises(PackError, match="another pack"):
        signed_by(replace(made, sha256="0" * 64), [key.public_key()])


def test_renamed_techniques_are_followed_and_unknown_ones_kept():
    names = attack_map()
    assert names.today("T1086") == "T1059.001"
    assert names.parent("T1562.004") == "T1686"
    assert names.today("T9999") == "T9999"


def grades(audit_):
    return {one.name: one.grade for one in audit_.checks}


def test_the_office_is_graded_by_its_number_of_attacks_and_carries_every_claim():
    found = small_audit()
    assert found.grade is Grade.B
    assert set(found.claims) == set(Claim)
    assert grades(found)["contradicted"] is Grade.A


def counted(pack_):
    return auditing.count(pack_)


def test_events_outside_their_interval_are_a_contradiction_and_whole_hours_a_time_zone(tmp_path):
    shown = [event(minute) for minute in range(5)]
    late = [
        step([one.uid], name=f"s{n}", start=120 + n, end=121 + n) for n, one in enumerate(shown)
    ]
    found = audit(pack(tmp_path, shown, late))
    check = next(one for one in found.checks if one.name == "contradicted")
    assert check.grade is Grade.D
    assert "-2 h, as with a wrong time zone" in check.words
    assert found.claims == ()


def test_events_that_do_not_exist_or_are_claimed_by_two_kinds_are_found(tmp_path):
    shown = [event(1), event(2)]
    truths = [
        step([shown[0].uid, "gone"]),
        step([shown[0].uid], name="s2", kind=TruthClass.LOOKALIKE),
    ]
    found = {one.name: one for one in audit(pack(tmp_path, shown, truths)).checks}
    assert "1 do not exist" in found["contradicted"].words
    assert found["ambiguous"].grade > Grade.A


def test_a_recording_that_was_cleared_at_its_start_and_is_all_attack_says_little(tmp_path):
    shown = [event(0, name="Security/1102"), event(0.01, CommandLine="mordor")]
    made = pack(
        tmp_path, shown, [step([shown[1].uid], start=0, technique="T0000")],
        lab_names=("mordor",), public_since="2020-01-01", used_as_rule_test=True,
    )  # fmt: skip
    found = audit(made)
    assert found.grade is Grade.D
    by = {one.name: one for one in found.checks}
    assert "1 logs were cleared" in by["edge"].words
    assert "1 of 2 events name the laboratory" in by["laboratory"].words
    assert by["placeholder"].grade is Grade.D
    assert by["seen"].grade is Grade.C
    assert by["quiet_days_short"].grade is Grade.C


def test_a_published_recording_is_at_best_a_b():
    made = small_office()
    public = replace(made.scenario, public_since="2026-01-01")
    found = judge(public, made.truths, counted(made), name="x", sha256="y")
    assert grades(found)["seen"] is Grade.B


def test_the_worst_check_is_the_grade_and_caps_the_claims(tmp_path):
    made = pack(tmp_path, [event(1)], [step(technique="T1086")])
    found = audit(made)
    assert found.grade == max(one.grade for one in found.checks)
    assert json.dumps([str(one) for one in found.claims])
    assert not found.allows(Claim.RANKING)
