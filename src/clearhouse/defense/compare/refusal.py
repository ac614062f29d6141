"""What is wrong with a document that somebody hands in as a result."""


class CardError(ValueError):
    """The document is no result card that can be read; the message says why."""
