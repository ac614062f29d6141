"""Asks and answers "is this known?" without telling anybody what is asked."""
