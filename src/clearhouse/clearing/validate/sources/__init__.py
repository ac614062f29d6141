"""Fetch the source that a report speaks of, so that cited places can be looked up.

Archives come from package registries and repositories from where the operator allows, into a cache
addressed by content. Everything is read as bytes; nothing is checked out, unpacked to disk or run.
"""
