"""Brings two finders of one flaw together, as far as both want, field by field."""
