"""Deconflict: say what is already known before more time is spent on it.

At this depth the room holds what the world already knows from local public files (`known`):
published vulnerabilities, released versions and the list of exploited vulnerabilities. It asks no
network and discloses no question to anybody.

Not attempted yet: leases (who works on which target, until when) and blind look-up (asking whether
something is known without saying what). A caller who asks for either gets "not attempted".
"""
