import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from casebook import (
    DRAFT,
    accepted,
    acting,
    cleared,
    do,
    finding_of,
    move,
    opened,
    read,
    register,
    set_clock,
)
from clearhouse.clearing.coordinate import casework, read_ins
from clearhouse.clearing.coordinate import operations as coordinate
from clearhouse.clearing.coordinate.record import Outcome, PartyRole
from clearhouse.clearing.intake.record import Credit
from clearhouse.clearing.publish import forms, jobs, operations, release
from clearhouse.clearing.publish.house import publisher
from clearhouse.clearing.publish.record import Documents, Wording
from clearhouse.formats import dsse, merkle
from clearhouse.formats.canonical import canonical_bytes
from clearhouse.kernel import ledger
from clearhouse.kernel.policy import ForbiddenError
from house import analyst, coordinator, outsider, reporter

NOW = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)


@pytest.fixture
def house(app):
    set_clock(app, NOW)
    return app


def codes(app, case_id):
    return [one.code for one in do(app, coordinator(app), operations.why_not, case_id)]


def public(app, database=None):
    with (database or app.counter.database).transaction(None) as transaction:
        return operations.advisories(transaction)


def kinds(app, subject):
    with acting(app, app.desk.clearing_actor) as transaction:
        rows = transaction.all("SELECT kind FROM ledger_event WHERE subject = %s", [subject])
    return [row["kind"] for row in rows]


def test_an_accepted_case_becomes_public_at_its_instant_and_not_before(house):
    case = accepted(house)
    move(house, days=30, seconds=-1)
    assert operations.publish_due(house.desk) == []
    assert public(house) == []
    assert not house.desk.published_folder.exists()
    move(house, seconds=1)
    assert operations.publish_due(house.desk) == ["CLR-2026-00001"]
    (advisory,) = public(house)
    assert (advisory.advisory_id, advisory.revision) == ("CLR-2026-00001", 1)
    assert read(house, case.id).published_at == NOW + timedelta(days=30)
    assert do(house, coordinator(house), casework.told, case.id).tlp == "TLP:CLEAR"
    assert codes(house, case.id) == []


def test_the_files_are_the_documents_with_a_proof_that_an_outsider_can_follow(house):
    accepted(house)
    move(house, days=30)
    jobs.publish_due(house.desk)
    (advisory,) = public(house)
    folder = house.desk.published_folder / "2026" / "CLR-2026-00001"
    assert set(advisory.bodies) == {form.name for form in forms.FORMS if not form.draft} - {"cve"}
    for name, body in advisory.bodies.items():
        assert (folder / forms.BY_NAME[name].file).read_bytes() == body
    assert (folder / "proof.json").read_bytes() == advisory.proof
    proof = json.loads(advisory.proof)
    assert proof["event"]["kind"] == "advisory.decided"
    assert proof["event"]["data"]["rule"] == "default-30"
    trusted = house.desk.keys.signing_key().public_key()
    assert ledger_accepts(proof, advisory, trusted)
    proof["event"]["data"]["sha256"]["osv.json"] = "0" * 64
    assert not ledger_accepts(proof, advisory, trusted)
    index = json.loads((house.desk.published_folder / "index.json").read_text())
    assert index["advisories"][0]["path"] == "2026/CLR-2026-00001"


def ledger_accepts(proof, advisory, trusted):
    """Check a proof file as an outsider would, from RFC 9162 and the signed tree head."""
    head = json.loads(dsse.open_envelope(proof["tree_head"], [trusted]).payload)
    data = proof["event"]["data"]
    return data["sha256"] == {
        forms.BY_NAME[name].file: hashlib.sha256(body).hexdigest()
        for name, body in advisory.bodies.items()
    } and merkle.inclusion_holds(
        merkle.leaf_hash(canonical_bytes(proof["event"])),
        proof["leaf_index"],
        head["size"],
        [bytes.fromhex(step) for step in proof["path"]],
        bytes.fromhex(head["root"]),
    )


def test_nothing_a_reporter_wrote_as_prose_is_published(house):
    accepted(house)
    move(house, days=30)
    operations.publish_due(house.desk)
    (advisory,) = public(house)
    for document in advisory.bodies.values():
        assert b"SECRET" not in document
        assert b"Ignore your rules" not in document
    for name in ("osv", "csaf", "ghsa", "text"):
        assert "Zoë Finder".encode() in advisory.bodies[name]


def test_publishing_again_changes_nothing(house):
    accepted(house)
    move(house, days=30)
    operations.publish_due(house.desk)
    before = {p: p.lstat().st_mtime_ns for p in house.desk.published_folder.rglob("*")}
    move(house, days=1)
    assert operations.publish_due(house.desk) == []
    assert {p: p.lstat().st_mtime_ns for p in house.desk.published_folder.rglob("*")} == before
    assert kinds(house, "CLR-2026-00001") == ["advisory.decided"]


def test_a_case_without_the_vendors_word_is_held_back_and_says_so_once(house):
    register(house)
    case = opened(house)
    assert codes(house, case.id) == ["embargo", "no-verdict"]
    move(house, days=30)
    assert operations.publish_due(house.desk) == []
    assert operations.publish_due(house.desk) == []
    move(house, minutes=11)
    assert operations.publish_due(house.desk) == []
    held = do(house, coordinator(house), operations.publication, case.id)
    assert (held.advisory_id, held.refusals) == (None, ("no-verdict",))
    assert kinds(house, case.id).count("advisory.held") == 1
    with acting(house, house.desk.clearing_actor) as transaction:
        assert operations.counts(transaction) == {"advisories": 0, "waiting": 0, "held": 1}


def test_a_held_case_goes_out_as_soon_as_it_changes(house):
    register(house)
    case = opened(house)
    move(house, days=30)
    operations.publish_due(house.desk)
    do(
        house,
        coordinator(house),
        casework.give_verdict,
        case.id,
        vendor=case.vendors[0].id,
        outcome=Outcome.ACCEPTED,
    )
    assert operations.publish_due(house.desk) == ["CLR-2026-00001"]


def test_a_rejected_case_is_never_published(house):
    register(house)
    case = opened(house)
    do(
        house,
        coordinator(house),
        casework.give_verdict,
        case.id,
        vendor=case.vendors[0].id,
        outcome=Outcome.REJECTED,
    )
    move(house, days=400)
    assert operations.publish_due(house.desk) == []
    assert codes(house, case.id) == ["rejected"]


def test_a_case_whose_only_report_is_refuted_is_never_published(house):
    refuted = replace(
        DRAFT, purl="pkg:pypi/pyyaml", affected_versions=("99.99",), fixed_versions=()
    )
    with acting(house, coordinator(house)) as transaction:
        vendor = casework.register_vendor(
            house.desk,
            transaction,
            coordinator(house),
            name="PyYAML",
            packages=("pkg:pypi/pyyaml",),
        )
    case = opened(house, refuted)
    do(
        house,
        coordinator(house),
        casework.give_verdict,
        case.id,
        vendor=vendor,
        outcome=Outcome.ACCEPTED,
    )
    move(house, days=30)
    assert operations.publish_due(house.desk) == []
    assert "contradicted" in codes(house, case.id)


def test_an_advisory_that_cannot_be_made_honestly_waits_for_a_coordinators_correction(house):
    case = accepted(house, replace(DRAFT, affected_versions=("vers:pypi/>3.0|<5.4",)))
    move(house, days=30)
    assert operations.publish_due(house.desk) == []
    assert codes(house, case.id) == ["affected-versions"]
    words = Wording(affected_claims=("<5.4",), summary="Loader runs code")
    do(house, coordinator(house), operations.set_wording, case.id, words)
    assert operations.publish_due(house.desk) == ["CLR-2026-00001"]
    assert json.loads(public(house)[0].bodies["osv"])["summary"] == "Loader runs code"
    assert kinds(house, case.id).count("advisory.worded") == 1


def test_a_preview_shows_the_documents_under_a_number_that_is_none(house):
    case = accepted(house)
    made = do(house, coordinator(house), operations.preview, case.id)
    assert isinstance(made, Documents)
    assert made.id == "CLR-2026-00000"
    assert public(house) == []
    assert do(house, coordinator(house), operations.publication, case.id) is None


def test_advisories_are_numbered_without_gaps_in_each_year(house):
    first = accepted(house)
    second = opened(
        house,
        replace(DRAFT, title="Other", cwes=("CWE-79",), description="Other words"),
        by=reporter(house, "Kim"),
    )
    do(
        house,
        coordinator(house),
        casework.give_verdict,
        second.id,
        vendor=second.vendors[0].id,
        outcome=Outcome.ACCEPTED,
    )
    move(house, days=30)
    assert operations.publish_due(house.desk) == ["CLR-2026-00001", "CLR-2026-00002"]
    third = opened(
        house,
        replace(DRAFT, title="Third", cwes=("CWE-22",), description="Third"),
        by=reporter(house, "Lu"),
    )
    do(
        house,
        coordinator(house),
        casework.give_verdict,
        third.id,
        vendor=third.vendors[0].id,
        outcome=Outcome.ACCEPTED,
    )
    move(house, days=30)
    assert operations.publish_due(house.desk) == ["CLR-2027-00001"]
    assert [one.advisory_id for one in public(house)] == [
        "CLR-2027-00001",
        "CLR-2026-00002",
        "CLR-2026-00001",
    ]
    assert first.id != second.id


def test_every_finder_of_the_finding_is_thanked(house):
    same = replace(DRAFT, aliases=("CVE-2026-99999",))
    accepted(house, same)
    move(house, minutes=1)
    cleared(
        house,
        replace(same, credits=(Credit(name="Kim <kim@example.org>"),)),
        by=reporter(house, "Kim"),
    )
    move(house, days=30)
    operations.publish_due(house.desk)
    thanked = json.loads(public(house)[0].bodies["osv"])["credits"]
    assert [one["name"] for one in thanked] == ["Zoë Finder", "Kim <kim@example.org>"]


STEPS = [
    "ledger.sequence", "ledger.prove", "provider.change", "Shelf.put_made", "_store.written",
]  # fmt: skip


class Killed(BaseException):
    """Stands for the end of the process at this very step."""


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_that_ends_at_any_step_is_taken_over_by_the_next(house, monkeypatch, step, when):
    case = accepted(house)
    move(house, days=30)
    owner, function = step.split(".")
    original = getattr(getattr(release, owner), function)

    def dying(*arguments, **more):
        if when == "after":
            original(*arguments, **more)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(getattr(release, owner), function, dying)
        with pytest.raises(Killed):
            operations.publish_due(house.desk)
    assert public(house) == []  # the counter never shows what is not whole
    assert operations.publish_due(house.desk) == ["CLR-2026-00001"]
    (advisory,) = public(house)
    folder = house.desk.published_folder / "2026" / "CLR-2026-00001"
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {
        "proof.json": advisory.proof,
        **{forms.BY_NAME[name].file: body for name, body in advisory.bodies.items()},
    }
    history = house.desk.published_folder / "history" / "CLR-2026-00001"
    assert [path.name for path in history.iterdir()] == ["1"]
    assert read(house, case.id).published_at == advisory.decided_at
    assert kinds(house, "CLR-2026-00001") == ["advisory.decided"]
    assert kinds(house, case.id).count("case.published") == 1


def test_a_proof_that_is_not_there_yet_is_waited_for(house, monkeypatch):
    accepted(house)
    move(house, days=30)
    with monkeypatch.context() as patched:
        patched.setattr(ledger, "prove", lambda *_: None)
        assert operations.publish_due(house.desk) == []
    assert operations.publish_due(house.desk) == ["CLR-2026-00001"]


@pytest.mark.parametrize("who", [analyst, outsider, reporter])
def test_before_its_instant_nobody_outside_the_case_learns_of_the_advisory(house, who, monkeypatch):
    case = accepted(house)
    move(house, days=30)
    monkeypatch.setattr(release.Shelf, "put_made", lambda *_: (_ for _ in ()).throw(Killed))
    with pytest.raises(Killed):
        operations.publish_due(house.desk)
    with acting(house, house.desk.clearing_actor) as transaction:
        assert transaction.all("SELECT * FROM advisory")  # it is there to be seen
    actor = who(house)
    with acting(house, actor) as transaction:
        assert transaction.all("SELECT * FROM advisory") == []
        assert transaction.all("SELECT * FROM publication") == []
        assert operations.counts(transaction) == {"advisories": 0, "waiting": 0, "held": 0}
    for verb in (operations.why_not, operations.preview, operations.publication):
        with pytest.raises(casework.NoSuchCaseError):
            do(house, actor, verb, case.id)


def test_deciding_needs_the_role_and_the_read_in(house):
    case = accepted(house)
    bystander = reporter(house, "Bo")
    with acting(house, coordinator(house)) as transaction:
        casework.join(
            house.desk,
            transaction,
            coordinator(house),
            case.id,
            party=bystander.party_id,
            role=PartyRole.OTHER,
        )
        read_ins.read_in(
            house.desk, transaction, coordinator(house), case.id, who=bystander, tier=2
        )
    with pytest.raises(ForbiddenError):
        do(house, bystander, operations.set_wording, case.id, Wording())
    with pytest.raises(ForbiddenError):
        do(house, bystander, operations.decide, case.id)


def test_a_coordinator_may_decide_by_hand_and_the_next_run_writes_it(house):
    case = accepted(house)
    move(house, days=30)
    made = do(house, coordinator(house), operations.decide, case.id)
    assert isinstance(made, Documents)
    assert do(house, coordinator(house), operations.decide, case.id) == ()
    assert operations.publish_due(house.desk) == [made.id]
    with house.counter.database.transaction(None) as transaction:
        assert operations.advisory(transaction, made.id).bodies == made.bodies
        assert operations.advisory(transaction, "CLR-2026-99999") is None


def test_the_publisher_is_data(house):
    assert publisher().namespace.startswith("https://")


def test_a_late_duplicate_of_a_published_case_joins_it_and_keeps_it_public(house):
    same = replace(DRAFT, aliases=("CVE-2026-99999",))
    case = accepted(house, same)
    move(house, days=30)
    operations.publish_due(house.desk)
    late = cleared(house, replace(same, title="Late"), by=reporter(house, "Kim"))
    with acting(house, house.desk.clearing_actor) as transaction:
        grown = coordinate.open_case(
            house.desk, transaction, house.desk.clearing_actor, finding_of(house, late)
        )
    assert grown.id == case.id
    assert grown.published_at is not None
    assert operations.publish_due(house.desk) == []
