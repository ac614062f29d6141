"""Pictures for people who would rather look than read: SVG made on the server.

Pure functions from small records to inline SVG. Colours come from classes in the style sheet, so
the pictures follow light and dark and no picture carries a style of its own. Each has a title that
says the same in words.
"""
