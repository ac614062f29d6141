"""The lab and the government admit together, by published criteria, with reasons and an appeal."""

from dataclasses import replace
from datetime import timedelta

import pytest

from clearhouse.access.admit import operations as admit
from clearhouse.access.admit import rules
from clearhouse.access.admit.record import (
    ADMISSION,
    AdmissionState,
    AdmissionStep,
    AssessmentKind,
    Opinion,
    Tier,
)
from clearhouse.access.offer import operations as offer
from clearhouse.access.offer.record import WindowStep
from clearhouse.access.refusal import NotThereError, Refused
from clearhouse.kernel.policy import ForbiddenError, PolicyError
from early import SCORES, act, application, applied, approved, done, opened, scored, word


def code(result):
    return result.code if isinstance(result, Refused) else result


def state_of(early, one, by=None):
    return act(early.app, by or early.people.lab, admit.admission, one.admission_id).state


def test_both_sides_approve_or_nobody_is_admitted(app):
    early = opened(app)
    one = applied(early, early.people.evaluator)
    assert code(word(early, early.people.lab, one)) == "SCORE", "nobody has scored yet"
    scored(early, one)
    assert word(early, early.people.lab, one).state is AdmissionState.SUBMITTED
    assert code(word(early, early.people.lab_second, one)) == "decided"
    assert word(early, early.people.government, one).state is AdmissionState.APPROVED
    assert code(word(early, early.people.government, one)) == "no-such-step"


def test_one_word_against_it_declines_with_a_published_reason(app):
    early = opened(app)
    one = applied(early, early.people.evaluator)
    for codes in ((), ("NO-SUCH-CODE",)):
        assert (
            code(word(early, early.people.government, one, approve=False, codes=codes)) == "reason"
        )
    declined = word(early, early.people.government, one, approve=False, codes=("SECURITY",))
    assert declined.state is AdmissionState.DECLINED
    seen = act(app, early.people.evaluator, admit.admission, one.admission_id)
    assert seen.reason_codes == ("SECURITY",)
    assert act(app, early.people.evaluator, admit.written, one.admission_id) == ()
    assert len(act(app, early.people.lab, admit.written, one.admission_id)) == 1


def test_an_appeal_is_decided_once_more_and_then_stands(app):
    early = opened(app)
    one = applied(early, early.people.evaluator)
    word(early, early.people.lab, one, approve=False, codes=("NEED",))
    eva = early.people.evaluator
    assert code(act(app, eva, admit.appeal, one.admission_id, words=" ")) == "reason"
    assert done(app, eva, admit.appeal, one.admission_id, words="we run X").state == "appealed"
    assert code(act(app, eva, admit.appeal, one.admission_id, words="again")) == "no-such-step"
    second = word(early, early.people.lab, one, approve=False, codes=("NEED",))
    assert second.state is AdmissionState.REFUSED
    assert code(act(app, eva, admit.appeal, one.admission_id, words="again")) == "no-such-step"


def test_an_appeal_can_be_won_and_comes_in_time_or_not_at_all(app):
    early = opened(app)
    one, other = applied(early, early.people.evaluator), applied(early, early.people.second)
    for admission in (one, other):
        word(early, early.people.lab, admission, approve=False, codes=("NEED",))
    done(app, early.people.evaluator, admit.appeal, one.admission_id, words="we run X")
    scored(early, one)
    for officer in (early.people.lab, early.people.government):
        won = word(early, officer, one)
    assert won.state is AdmissionState.APPROVED
    assert won.reason_codes == ()
    clock = app.desk.database.clock
    try:
        app.desk.database.clock = lambda: clock() + timedelta(days=11)
        late = act(app, early.people.second, admit.appeal, other.admission_id, words="x")
    finally:
        app.desk.database.clock = clock
    assert code(late) == "late"


def test_nobody_with_a_conflict_of_interest_decides_and_their_score_does_not_count(app):
    early = opened(app)
    one = applied(early, early.people.evaluator)
    scored(early, one)
    lara = early.people.lab
    conflict = Opinion(reason="I worked there")
    done(app, lara, admit.assess, one.admission_id, AssessmentKind.CONFLICT, conflict)
    assert "conflict" in code(word(early, lara, one))
    assert code(word(early, early.people.lab_second, one)) == "SCORE", "only one side has scored"
    score = Opinion(scores=SCORES)
    done(app, early.people.lab_second, admit.assess, one.admission_id, AssessmentKind.SCORE, score)
    assert not isinstance(word(early, early.people.lab_second, one), Refused)


def test_scores_are_of_the_published_questions_and_scale(app):
    early = opened(app)
    one = applied(early, early.people.evaluator)
    for scores, wrong in [
        ({"need": 4}, "criteria"),
        (SCORES | {"need": 5}, "scale"),
        (SCORES | {"need": -1}, "scale"),
    ]:
        said = act(
        app, early.people.lab, admit.assess, one.admission_id, AssessmentKind.SCORE,
        Opinion(scores=scores),
    )  # fmt: skip
        assert code(said) == wrong


def test_a_score_below_the_published_threshold_admits_nobody(app):
    early = opened(app)
    one = applied(early, early.people.evaluator)
    scored(early, one, SCORES | {"security": 1})
    refused = word(early, early.people.lab, one)
    assert code(refused) == "SCORE"
    assert rules.score(rules.selection(), "standard", ()) is None


def test_a_full_window_admits_nobody_else(app):
    early = opened(app, capacity=1)
    approved(early, early.people.evaluator)
    one = applied(early, early.people.second)
    scored(early, one)
    assert code(word(early, early.people.lab, one)) == "CAPACITY"


def test_a_small_operator_comes_with_its_sponsor_and_only_with_it(app):
    early = opened(app)
    people = early.people
    with pytest.raises(AssertionError, match="sponsor applies"):
        applied(early, people.hospital, track="small_operator")
    with pytest.raises(AssertionError, match="party itself applies"):
        applied(early, people.hospital, by=people.isac)
    one = applied(early, people.hospital, by=people.isac, track="small_operator")
    assert one.sponsor == people.isac.party_id
    assert state_of(early, one, people.isac) is state_of(early, one, people.hospital)


def test_an_application_names_a_nominated_party_its_own_people_and_a_purpose(app):
    early = opened(app)
    people = early.people
    apply = {"track": "standard", "tier": Tier.PARTNER, "application": application(people.second)}
    with pytest.raises(NotThereError):
        act(app, people.evaluator, admit.apply, early.id, **apply)
    done(app, people.lab, admit.nominate, early.id, party=people.evaluator.party_id, reason="x")
    refused = act(app, people.evaluator, admit.apply, early.id, **apply)
    assert code(refused) == "holder"
    other = {"for_party": people.hospital.party_id, "track": "small_operator"}
    assert code(act(app, people.evaluator, admit.apply, early.id, **(apply | other))) == "nominated"
    empty = replace(application(people.evaluator), statement="", purposes=(), holders=())
    odd = apply | {"application": empty, "track": "odd", "tier": Tier.GOVERNMENT}
    refused = act(app, people.evaluator, admit.apply, early.id, **odd)
    assert all(said in refused.reason for said in ("track", "what for", "one by one", "government"))
    twice = replace(empty, statement="s", purposes=("p",), holders=apply["application"].holders * 2)
    refused = act(app, people.evaluator, admit.apply, early.id, **(apply | {"application": twice}))
    assert "twice" in refused.reason


def test_a_party_applies_once_and_may_withdraw(app):
    early = opened(app)
    one = approved(early, early.people.evaluator)
    with pytest.raises(AssertionError, match="applied"):
        applied(early, early.people.evaluator)
    with pytest.raises(ForbiddenError):
        act(app, early.people.lab, admit.withdraw, one.admission_id)
    gone = done(app, early.people.evaluator, admit.withdraw, one.admission_id)
    assert gone.state is AdmissionState.WITHDRAWN


def test_a_nomination_has_a_party_and_a_reason(app):
    early = opened(app)
    for party, reason in (("pty_nobody", "x"), (early.people.second.party_id, " ")):
        refused = act(app, early.people.lab, admit.nominate, early.id, party=party, reason=reason)
        assert isinstance(refused, Refused)
    with pytest.raises(NotThereError):
        act(app, early.people.second, admit.nominate, early.id, party="x", reason="y")


def test_nobody_applies_to_a_closed_window(app):
    early = opened(app)
    done(app, early.people.lab, offer.step, early.id, WindowStep.CLOSE)
    with pytest.raises(AssertionError, match="closed"):
        applied(early, early.people.evaluator)


def test_what_applicants_write_is_seen_by_the_two_sides_and_themselves(app):
    early = opened(app)
    one = applied(early, early.people.evaluator)
    applied(early, early.people.second)
    listed = act(app, early.people.second, admit.admissions, early.id)
    assert [entry.party for entry in listed] == [early.people.second.party_id]
    assert len(act(app, early.people.government, admit.admissions, early.id)) == 2
    with pytest.raises(NotThereError):
        act(app, early.people.second, admit.admission, one.admission_id)
    with app.desk.database.transaction(early.people.second.actor_id) as transaction:
        assert admit.nominated(transaction, early.id) == ()


def test_an_applicant_assesses_nobody(app):
    early = opened(app)
    one = applied(early, early.people.evaluator)
    with pytest.raises(ForbiddenError):
        word(early, early.people.evaluator, one)


def test_the_table_ends_in_states_that_nothing_leaves():
    assert ADMISSION.steps(AdmissionState.REFUSED) == ()
    assert ADMISSION.steps(AdmissionState.WITHDRAWN) == ()
    assert AdmissionStep.APPEAL in ADMISSION.steps(AdmissionState.DECLINED)


@pytest.mark.parametrize("text", ["scale: 4", "scale: [0, 4]\ntracks: {x: {}}"])
def test_criteria_that_cannot_be_read_are_refused(tmp_path, monkeypatch, text):
    more = "reason_codes: {}\nappeal_within_days: 1\n"
    (tmp_path / "s.yaml").write_text(f"id: x\nversion: 1\n{text}\n{more}")
    monkeypatch.setenv("CLEARHOUSE_POLICIES", str(tmp_path))
    with pytest.raises(PolicyError):
        rules.selection("s")
