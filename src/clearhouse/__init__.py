"""Clearhouse: from a flood of vulnerability reports to fixes that operators have installed."""
