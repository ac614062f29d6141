"""Offer: a lab opens a window for one version of a model, and says under which terms."""
