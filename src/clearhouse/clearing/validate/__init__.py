"""Validate: re-execute the claim, and say exactly what is established.

In comes an accepted report; out comes a `Verdict` that names the highest level of evidence reached,
every claim looked at with the place looked at, and what is not established. Doubt is never a
verdict about the claim: NOT_REPRODUCED does not mean invalid, and trouble with the environment is
INCONCLUSIVE with its reason.
"""
