"""Recordings with a truth: events of many formats, packs, their audit, and our own small office."""
