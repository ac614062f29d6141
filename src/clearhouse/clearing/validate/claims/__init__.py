"""Checks of single claims that need no download: a report and local knowledge in, answers out.

Each module looks at one kind of claim and gives any number of `ClaimCheck`. All of them are pure,
and all follow one rule: a claim is CONTRADICTED only when no kind reading saves it; doubt, stale
lists and unreadable notation are UNCHECKABLE.
"""
