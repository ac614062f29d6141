"""Serve: the gateway in front of the model, and the receipts of every call."""
