"""Criteria: which models count as powerful. Criterion, then Measurement, then Determination."""
