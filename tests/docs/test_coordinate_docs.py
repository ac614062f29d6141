from pathlib import Path

import pytest

from clearhouse.clearing.coordinate.embargo_consent import EMBARGO_CONSENT
from clearhouse.clearing.coordinate.embargo_management import EMBARGO_MANAGEMENT
from clearhouse.clearing.coordinate.embargo_policy import load
from clearhouse.clearing.coordinate.report_management import REPORT_MANAGEMENT

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "route" / "6-coordinate.md").read_text()


@pytest.mark.parametrize("machine", [REPORT_MANAGEMENT, EMBARGO_MANAGEMENT, EMBARGO_CONSENT])
def test_the_diagrams_are_those_of_the_tables(machine):
    assert f"```mermaid\n{machine.diagram()}```" in PAGE


def test_the_table_of_tiers_is_that_of_the_policy():
    policy = load(PROJECT / "policies" / "embargo" / "clearhouse-1.yaml")
    for tier in policy.tiers:
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| {tier.tier} |"))
        assert row.endswith(f"| {tier.tlp.value} |")
