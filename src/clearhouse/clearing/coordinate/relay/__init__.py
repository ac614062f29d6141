"""Relay between coordinators: peers, envelopes out and in, and adapters to other systems."""
