"""Honest numbers from few trials: one home for validate, criteria and defense.

Pure Python on purpose (docs/adr/0009): exact binomials need an incomplete beta function, not a
numerical library, and every house can decide without an extra. Tests hold it against scipy.
"""
