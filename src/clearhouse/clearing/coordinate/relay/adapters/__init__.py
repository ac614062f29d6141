"""How a case is handed to those who run something else: one file a protocol."""
