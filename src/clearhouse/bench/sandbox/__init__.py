"""A sandbox without containers: trusted host, untrusted guest, and only a message in and out.

`host` starts a program with nothing but what it was given, proves the isolation from outside before
the first untrusted instruction, enforces limits, and collects files afterwards. `guest` holds the
few programs that run inside; they import nothing of ours.
"""
