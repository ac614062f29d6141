"""Admit: who may take part, decided by the lab and the government together."""
