"""Tools under test: one protocol, an adapter for every kind, and the self-test each must pass."""
