"""Two persons make a determination; what becomes of it is a table."""

import base64
import hashlib
import json

import pytest

from clearhouse.criteria.define.reading import read_criterion
from clearhouse.criteria.define.record import CriterionError
from clearhouse.criteria.define.sealing import Opening, commitment
from clearhouse.criteria.determine import operations as determine
from clearhouse.criteria.determine.machine import TRANSITIONS, Act, DeterminationState, after
from clearhouse.criteria.determine.operations import NoSuchDeterminationError, NotPossibleError
from clearhouse.criteria.determine.record import Outcome, Subject
from clearhouse.criteria.determine.statement import annex, verify
from clearhouse.criteria.measure import operations as measure
from clearhouse.criteria.measure.attest import AttestationError, Attested, attest
from clearhouse.criteria.measure.operations import NoSuchEvidenceError
from clearhouse.formats.dsse import UntrustedEnvelopeError
from clearhouse.kernel import identity
from clearhouse.kernel.identity import ActorKind
from clearhouse.kernel.policy import ForbiddenError
from evallog import KEYS, PROFILE, SUBJECT, criterion, honest, kept
from house import determiner, outsider


def do(app, actor, verb, *arguments, **more):
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return verb(app.desk, transaction, actor, *arguments, **more)


@pytest.fixture
def dana(app):
    return determiner(app)


@pytest.fixture
def other(app):
    return determiner(app, "Dora Determiner")


@pytest.fixture
def proposed(app, dana):
    ids = kept(app, dana, "strong")
    return do(
        app, dana, determine.propose, criterion(), subject=SUBJECT, evidence_ids=ids, facts={}
    )


def kinds(app, actor, subject):
    with app.desk.database.transaction(actor.actor_id) as transaction:
        rows = transaction.all(
            "SELECT kind FROM ledger_event WHERE subject = %s ORDER BY at, event_id", [subject]
        )
    return sorted(row["kind"] for row in rows)


def file(app, actor, determination_id):
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return determine.determination_file(app.desk, transaction, determination_id)


def keys(app, *actors):
    return [determine.person_key(app.desk, one) for one in actors]


def test_one_person_proposes_another_signs_and_outsiders_can_check(app, dana, other, proposed):
    made = do(app, other, determine.countersign, proposed)
    assert (made.state, made.determination.outcome) == (
        DeterminationState.DETERMINED,
        Outcome.COVERED,
    )
    checked = verify(made.envelope, keys(app, dana, other))
    assert checked.predicate["outcome"] == "COVERED"
    assert checked.subjects["annex"] == hashlib.sha256(annex(made.determination)).hexdigest()
    assert kinds(app, dana, proposed) == ["determination.made", "determination.proposed"]
    with pytest.raises(UntrustedEnvelopeError, match="1 of 2"):
        verify(made.envelope, keys(app, dana))


def test_the_proposer_cannot_be_the_second_person(app, dana, proposed):
    with pytest.raises(ForbiddenError, match="needs a second person"):
        do(app, dana, determine.countersign, proposed)


def test_an_agent_can_neither_propose_nor_sign(app, dana, proposed):
    with app.desk.database.transaction(dana.actor_id) as transaction:
        agent = identity.actor(
            transaction,
            identity.add_actor(
                transaction, dana.party_id, ActorKind.AGENT, "helper", roles=["determiner"],
                responsible=dana.actor_id,
            ),
        )  # fmt: skip
    with pytest.raises(ForbiddenError, match="is for persons"):
        do(app, agent, determine.countersign, proposed)


def test_whoever_is_not_read_in_sees_no_determination_and_no_evidence(app, dana, proposed):
    otto = outsider(app)
    with app.desk.database.transaction(otto.actor_id) as transaction:
        assert determine.determinations(transaction) == []
        assert measure.kept(transaction) == []
        assert measure.trusted_keys(transaction) == []
        with pytest.raises(NoSuchDeterminationError):
            determine.determination_file(app.desk, transaction, proposed)
        with pytest.raises(NoSuchEvidenceError):
            measure.evidence_of(app.desk, transaction, ["evd_" + "a" * 26])
    for verb in (determine.countersign, determine.release, determine.withdraw):
        with pytest.raises(NoSuchDeterminationError):
            do(app, otto, verb, proposed)
    with pytest.raises(ForbiddenError):
        do(app, otto, measure.add_evidence, honest("strong")[0])


def test_a_statement_is_public_after_release_and_its_end_is_shown(app, dana, other, proposed):
    with pytest.raises(NotPossibleError, match="it is proposed; release does not fit"):
        do(app, dana, determine.release, proposed)
    do(app, other, determine.countersign, proposed)
    assert do(app, dana, determine.release, proposed).state is DeterminationState.RELEASED
    with app.counter.database.transaction(None) as transaction:
        (public,) = determine.released(transaction)
        assert determine.released_one(transaction, "det_" + "a" * 26) is None
    assert verify(json.loads(public.envelope), keys(app, dana, other))
    do(app, dana, determine.withdraw, proposed)
    with app.counter.database.transaction(None) as transaction:
        assert determine.released_one(transaction, proposed).ended_at is not None


def test_a_later_determination_supersedes_the_one_before(app, dana, other, proposed):
    do(app, other, determine.countersign, proposed)
    ids = kept(app, dana, "strong")
    newer = do(
        app, dana, determine.propose, criterion(),
        subject=Subject(model=SUBJECT.model, checkpoint="two"), evidence_ids=ids, facts={},
    )  # fmt: skip
    assert file(app, dana, proposed).state is DeterminationState.DETERMINED
    do(app, other, determine.countersign, newer)
    old = file(app, dana, proposed)
    assert (old.state, old.superseded_by) == (DeterminationState.SUPERSEDED, newer)


def test_another_checkpoint_ends_a_determination_and_the_same_does_not(app, dana, other, proposed):
    do(app, other, determine.countersign, proposed)
    with pytest.raises(NotPossibleError, match="it stands"):
        do(app, dana, determine.supersede, proposed, "one")
    ended = do(app, dana, determine.supersede, proposed, "two")
    assert (ended.state, ended.superseded_by) == (DeterminationState.SUPERSEDED, None)


def test_a_determination_expires_by_time_alone(app, dana, proposed, monkeypatch):
    assert not file(app, dana, proposed).expired
    clock = app.desk.database.clock
    end = file(app, dana, proposed).determination.expires_at
    monkeypatch.setattr(app.desk.database, "clock", lambda: end)
    assert file(app, dana, proposed).expired
    monkeypatch.setattr(app.desk.database, "clock", clock)


def test_an_appeal_stands_beside_the_determination(app, dana, other, proposed):
    do(app, other, determine.countersign, proposed)
    do(app, dana, determine.appeal, proposed, "The items were in a public write-up.")
    held = file(app, other, proposed)
    assert [one.words for one in held.appeals] == ["The items were in a public write-up."]
    assert held.state is DeterminationState.DETERMINED
    assert "determination.appealed" in kinds(app, dana, proposed)


def test_the_same_log_is_kept_once_and_unknown_signatures_are_refused(app, dana):
    (first,) = kept(app, dana, "strong")
    assert do(app, dana, measure.add_evidence, honest("strong")[0]) == first
    stranger = attest(Attested.CHEATING, honest("strong"), {"verdict": "clean"}, [KEYS["lab"]])
    with pytest.raises(AttestationError):
        do(app, dana, measure.add_attestation, stranger)
    with pytest.raises(NoSuchEvidenceError):
        do(
            app, dana, determine.propose, criterion(), subject=SUBJECT,
            evidence_ids=["evd_" + "a" * 26], facts={},
        )  # fmt: skip


OPENING = Opening(value=0.6, blinding="ab" * 32)


def sealed_criterion():
    sha = commitment("finds.above", OPENING)
    return read_criterion(
        PROFILE.replace("above: 0.6\n", f"above: {{sealed: {sha}, holder: the agency}}\n", 1)
    )


def test_a_sealed_threshold_decides_and_never_leaves_the_annex(app, dana, other):
    ids, sealed = kept(app, dana, "strong"), sealed_criterion()
    more = {"subject": SUBJECT, "evidence_ids": ids, "facts": {}}
    with pytest.raises(CriterionError, match="the agency can open it"):
        do(app, dana, determine.propose, sealed, **more)
    wrong = Opening(value=0.7, blinding=OPENING.blinding)
    with pytest.raises(CriterionError, match="does not fit"):
        do(app, dana, determine.keep_openings, sealed, {"finds.above": wrong})
    do(app, dana, determine.keep_openings, sealed, {"finds.above": OPENING})
    made = do(app, other, determine.countersign, do(app, dana, determine.propose, sealed, **more))
    assert made.determination.outcome is Outcome.COVERED
    assert made.determination.clauses[0].threshold == 0.6
    text = base64.b64decode(made.envelope["payload"]).decode()
    (clause,) = json.loads(text)["predicate"]["clauses"]
    assert clause == {
        "clause": "finds", "holds": "yes", "problems": [], "sealed": True,
        "says": "pass@1 on flags, for items of this kind, is above a sealed threshold",
    }  # fmt: skip
    assert "0.6" not in json.dumps(
        {
            name: value
            for name, value in json.loads(text)["predicate"].items()
            if not name.endswith("_at")
        }
    )
    assert commitment("finds.above", OPENING) in text


def test_the_table_of_states_has_no_way_back_and_no_way_around_the_second_person():
    ends = {DeterminationState.SUPERSEDED, DeterminationState.WITHDRAWN}
    for (state, act), to in TRANSITIONS.items():
        assert state not in ends
        assert to != state
        if state is DeterminationState.PROPOSED:
            assert act in {Act.COUNTERSIGN, Act.WITHDRAW}
    assert after(DeterminationState.PROPOSED, Act.RELEASE) is None
