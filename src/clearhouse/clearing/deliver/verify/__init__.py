"""Verify what a house published, from outside, with nothing but its files."""
