"""The route of a report: deconflict, intake, match, validate, prioritize, coordinate, publish."""
