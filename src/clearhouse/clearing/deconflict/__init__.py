"""Deconflict: say what is already known before more time is spent on it.

`known` is what the world knows, from local public files. `blind` answers whether the house, or a
party that keeps a finding to itself, knows something, without being told what. `leases` say who
scans what until when. `commitments` prove later who held a finding at which time, and
`introductions` bring two finders of one flaw together, as far as both want.
"""
