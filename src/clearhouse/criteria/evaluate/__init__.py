"""Run evaluations: a suite of tasks, a scorer that believes nothing, a sandbox for the model."""
