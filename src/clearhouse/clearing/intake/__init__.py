"""Intake: whatever a finder sends, kept as it came and read into one shape."""
