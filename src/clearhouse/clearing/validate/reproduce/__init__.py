"""Reproduce: run a bundle on the vulnerable and the fixed version, and say what that shows.

A bundle goes in; a `Verdict` of the levels E3 to E5 comes out. Environments are built from package
registries into a cache (`packages`), made to look alike (`disguise`), run in the sandbox in random
order (`trials`), looked at for what the target itself did (`attribution`), and judged by pure rules
(`judge`).
"""
