"""Prioritize: four separate axes for each finding, and a queue that says why this one is first."""
