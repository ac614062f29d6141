"""The HTTP API of the counter and of the desk."""
