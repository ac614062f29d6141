from fractions import Fraction
from itertools import permutations

import pytest

from clearhouse.clearing.coordinate.case_state import CASE_STATE, CsEvent, CsState, histories
from clearhouse.clearing.coordinate.embargo_consent import (
    EMBARGO_CONSENT,
    ConsentEvent,
    ConsentState,
)
from clearhouse.clearing.coordinate.machine import Refused, Situation
from clearhouse.clearing.coordinate.ordering import PREFERENCES, Met, by_chance, met, skills

QUIET = Situation()

# Written out a second time, from Vultron's CM-18, so that ours cannot drift unseen.
CONSENT = {
    "no_embargo": {"invite": "invited", "accept": "signatory", "decline": "declined"},
    "invited": {"accept": "signatory", "decline": "declined"},
    "signatory": {"revise": "lapsed"},
    "lapsed": {"invite": "invited", "accept": "signatory", "decline": "declined"},
    "declined": {"invite": "invited"},
}


def allowed(order: tuple[str, ...]) -> bool:
    """Say by the specification's words, not by our table, whether an order can happen."""
    at = {event: place for place, event in enumerate(order)}
    vendor_in_order = at["V"] < at["F"] < at["D"]
    public_reaches_vendor = at["V"] < at["P"] or at["V"] == at["P"] + 1
    exploit_makes_public = at["P"] < at["X"] or at["P"] == at["X"] + 1
    return vendor_in_order and public_reaches_vendor and exploit_makes_public


def test_exactly_the_70_valid_histories_are_accepted_and_every_other_order_is_refused():
    accepted = set()
    for order in permutations(CsEvent):
        result = CASE_STATE.follow(CsState.NOTHING, order, QUIET)
        letters = tuple(event.value for event in order)
        assert isinstance(result, Refused) is not allowed(letters)
        if result is CsState.VFDPXA:
            accepted.add(order)
    assert len(accepted) == 70
    assert accepted == set(histories())


def test_there_are_32_states_and_all_can_be_reached():
    reached = {CASE_STATE.start, *(arrow.target for arrow in CASE_STATE.arrows)}
    assert reached == set(CsState)
    assert len(CsState) == 32


def test_what_is_public_reaches_the_vendor_before_anything_else_happens():
    for state in CsState:
        events = CASE_STATE.events(state, QUIET)
        if "X" in state and "p" in state:
            assert events == (CsEvent.PUBLIC_AWARE,)
        elif "P" in state and "v" in state:
            assert events == (CsEvent.VENDOR_AWARE,)


@pytest.mark.parametrize("state", ConsentState)
def test_consent_moves_along_the_drawn_arrows_and_along_no_other(state):
    for event in ConsentEvent:
        target = CONSENT[state.value] | {"reset": "no_embargo"}
        result = EMBARGO_CONSENT.step(state, event, QUIET)
        if event.value in target:
            assert result == ConsentState(target[event.value])
        else:
            assert isinstance(result, Refused)


def test_consent_to_old_terms_is_never_consent_to_new_ones():
    lapsed = EMBARGO_CONSENT.step(ConsentState.SIGNATORY, ConsentEvent.REVISE, QUIET)
    assert lapsed is ConsentState.LAPSED
    assert isinstance(
        EMBARGO_CONSENT.step(ConsentState.SIGNATORY, ConsentEvent.INVITE, QUIET), Refused
    )


def test_there_are_twelve_preferences_and_chance_never_decides_one_for_sure():
    assert len(set(PREFERENCES)) == 12
    assert all(0 < by_chance(*pair) < 1 for pair in PREFERENCES)


def test_chance_is_the_share_of_equally_likely_steps():
    # Of vfdpxa's four next events, V meets "V before A" and A misses it; P and X force V or P on.
    assert by_chance(CsEvent.VENDOR_AWARE, CsEvent.ATTACKS_OBSERVED) == Fraction(3, 4)


def test_a_case_tells_which_preferences_it_met_missed_or_left_open():
    history = (CsEvent.VENDOR_AWARE, CsEvent.ATTACKS_OBSERVED)
    assert met(history, CsEvent.VENDOR_AWARE, CsEvent.PUBLIC_AWARE) is Met.YES
    assert met(history, CsEvent.FIX_READY, CsEvent.ATTACKS_OBSERVED) is Met.NO
    assert met(history, CsEvent.FIX_READY, CsEvent.PUBLIC_AWARE) is Met.OPEN


def test_skill_is_none_without_cases_one_when_always_met_and_below_zero_when_never():
    assert {one.skill for one in skills([])} == {None}
    best = tuple(CsEvent)
    assert {one.skill for one in skills([best])} == {1.0}
    (worst,) = (one for one in skills([(CsEvent.ATTACKS_OBSERVED,)])
                if (one.first, one.second) == (CsEvent.VENDOR_AWARE, CsEvent.ATTACKS_OBSERVED))  # fmt: skip
    assert worst.skill == pytest.approx(-3.0)
    assert (worst.met, worst.decided) == (0, 1)
