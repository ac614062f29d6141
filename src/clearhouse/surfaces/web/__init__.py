"""Web pages, rendered on the server: the desk and the counter, separate applications."""
