"""Doors: command line, HTTP API, web pages. They call operations and decide nothing."""
