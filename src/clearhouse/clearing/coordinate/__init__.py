"""Coordinate: one case, many parties, an embargo that holds until its instant."""
