from datetime import UTC, datetime

import pytest

from clearhouse.clearing.validate.ladder import established
from clearhouse.clearing.validate.record import (
    Claim,
    ClaimCheck,
    ClaimResult,
    Level,
    Verdict,
    VerdictKind,
)
from clearhouse.surfaces.web.desk.report_view import rungs
from clearhouse.surfaces.web.pictures.ladder import RungState


def verdict(level, *checks):
    return Verdict(
        level=level,
        kind=VerdictKind.REPRODUCED,
        reason="It fired.",
        checks=tuple(
            ClaimCheck(claim=claim, subject="x", result=result, reason="Seen.")
            for claim, result in checks
        ),
        rules="test/1",
        decided_at=datetime(2026, 11, 23, tzinfo=UTC),
    )


HELD = (Claim.FILE, ClaimResult.HOLDS)
LACKING = (Claim.SYMBOL, ClaimResult.CONTRADICTED)
IN_SCOPE = (Claim.SCOPE, ClaimResult.HOLDS)


def test_nothing_is_established_of_a_target_that_does_not_resolve():
    assert established(verdict(None)) == ()


@pytest.mark.parametrize(
    ("checks", "consistent"),
    [((HELD,), True), ((), False), ((IN_SCOPE,), False), ((HELD, LACKING), False)],
)
def test_a_reproduced_flaw_is_consistent_only_when_all_cited_places_hold(checks, consistent):
    assert (Level.E1 in established(verdict(Level.E5, *checks))) is consistent


def test_running_a_proof_does_not_put_the_flaw_in_scope():
    found = verdict(Level.E5, HELD, IN_SCOPE)
    assert established(found) == (Level.E0, Level.E1, Level.E3, Level.E4, Level.E5)
    states = {one.level: one.state for one in rungs(found)}
    assert states["E2"] is RungState.NOT_ESTABLISHED
    assert states["E5"] is RungState.REACHED
    assert states["E6"] is RungState.NOT_ATTEMPTED


def test_a_verdict_that_ends_at_a_level_establishes_it():
    assert Level.E2 in established(verdict(Level.E2, HELD))
