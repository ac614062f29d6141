"""Grant: one named person or agent gets access with a key of its own, and can lose it at once."""
