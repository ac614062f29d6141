"""Deliver: from an advisory to the operators who must act on it."""
