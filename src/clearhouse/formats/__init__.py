"""Standards as pure functions: bytes and values in, bytes and values out; no store, no clock."""
