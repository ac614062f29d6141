"""A small office that never was: two weeks of a clinic's logs, fully labelled, made from a seed.

The first week is quiet. The second has the same work and sixteen attacks in it, among look-alikes
that are somebody's ordinary duty. Nobody's data is in it, so it may ship and be shown to anyone.
"""
