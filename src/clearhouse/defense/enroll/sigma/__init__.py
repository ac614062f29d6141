"""Sigma rules as a tool: compiled once, then all of them matched in one pass over the events."""
