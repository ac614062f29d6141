"""Measure: evaluation logs as evidence, checked against themselves."""
