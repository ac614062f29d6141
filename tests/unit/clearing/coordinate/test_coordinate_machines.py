import pytest

from clearhouse.clearing.coordinate.embargo_management import (
    EMBARGO_MANAGEMENT,
    EmEvent,
    EmState,
)
from clearhouse.clearing.coordinate.machine import Refused, Situation
from clearhouse.clearing.coordinate.report_management import (
    REPORT_MANAGEMENT,
    RmEvent,
    RmState,
)

QUIET = Situation()
LEAKS = [Situation(public=True), Situation(exploit_public=True), Situation(attacked=True)]

# Written out here a second time, from Vultron's tables, so that ours cannot drift unseen.
RM = {
    "start": {"receive": "received"},
    "received": {"validate": "valid", "invalidate": "invalid"},
    "invalid": {"validate": "valid", "close": "closed"},
    "valid": {"accept": "accepted", "defer": "deferred"},
    "accepted": {"defer": "deferred", "close": "closed"},
    "deferred": {"accept": "accepted", "close": "closed"},
    "closed": {},
}
EM = {
    "none": {"propose": "proposed"},
    "proposed": {"propose": "proposed", "accept": "active", "reject": "none"},
    "active": {"propose": "revise", "terminate": "exited"},
    "revise": {"propose": "revise", "accept": "active", "reject": "active", "terminate": "exited"},
    "exited": {},
}


@pytest.mark.parametrize(
    ("machine", "states", "events", "expected"),
    [(REPORT_MANAGEMENT, RmState, RmEvent, RM), (EMBARGO_MANAGEMENT, EmState, EmEvent, EM)],
)
def test_every_drawn_arrow_leads_on_and_every_other_is_refused(machine, states, events, expected):
    for state in states:
        for event in events:
            target = expected[state.value].get(event.value)
            result = machine.step(state, event, QUIET)
            if target is None:
                assert isinstance(result, Refused)
                assert (result.code, state.value in result.reason) == ("no-such-step", True)
            else:
                assert result == states(target)


@pytest.mark.parametrize("situation", LEAKS)
def test_no_embargo_is_negotiated_once_the_flaw_is_out(situation):
    for state in EmState:
        for event in (EmEvent.PROPOSE, EmEvent.ACCEPT):
            assert isinstance(EMBARGO_MANAGEMENT.step(state, event, situation), Refused)
    assert EMBARGO_MANAGEMENT.step(EmState.ACTIVE, EmEvent.TERMINATE, situation) is EmState.EXITED
    assert EMBARGO_MANAGEMENT.step(EmState.REVISE, EmEvent.REJECT, situation) is EmState.ACTIVE


def test_a_report_is_not_closed_while_an_embargo_is_in_force():
    held = Situation(embargo_in_force=True)
    for state in (RmState.INVALID, RmState.ACCEPTED, RmState.DEFERRED):
        result = REPORT_MANAGEMENT.step(state, RmEvent.CLOSE, held)
        assert isinstance(result, Refused)
        assert result.code == "no-embargo-in-force"
        assert RmEvent.CLOSE not in REPORT_MANAGEMENT.events(state, held)
        assert RmEvent.CLOSE in REPORT_MANAGEMENT.events(state, QUIET)


def test_several_steps_are_one_act():
    both = (RmEvent.VALIDATE, RmEvent.ACCEPT)
    assert REPORT_MANAGEMENT.follow(RmState.RECEIVED, both, QUIET) is RmState.ACCEPTED
    assert isinstance(REPORT_MANAGEMENT.follow(RmState.ACCEPTED, both, QUIET), Refused)
    assert REPORT_MANAGEMENT.follow(RmState.ACCEPTED, (), QUIET) is RmState.ACCEPTED


@pytest.mark.parametrize("machine", [REPORT_MANAGEMENT, EMBARGO_MANAGEMENT])
def test_a_table_has_one_arrow_for_each_state_and_event(machine):
    assert len(machine.table()) == len(machine.arrows)


@pytest.mark.parametrize("machine", [REPORT_MANAGEMENT, EMBARGO_MANAGEMENT])
def test_the_diagram_shows_every_arrow_and_its_guard(machine):
    lines = machine.diagram().splitlines()
    assert lines[:2] == ["stateDiagram-v2", f"    [*] --> {machine.start.value}"]
    assert len(lines) == 2 + len(machine.arrows)
    for arrow in machine.arrows:
        (line,) = [
            text
            for text in lines
            if text.startswith(
                f"    {arrow.source.value} --> {arrow.target.value}: {arrow.event.value}"
            )
        ]
        assert (f"[{arrow.guard.name}]" in line) if arrow.guard else "[" not in line
