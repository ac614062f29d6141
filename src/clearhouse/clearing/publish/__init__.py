"""Publish: from a case whose time has come to an advisory that machines and people can read."""
