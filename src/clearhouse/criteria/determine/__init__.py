"""Determine: evidence and criterion in, a decision that names its reasons out."""
