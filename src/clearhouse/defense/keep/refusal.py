"""Why something about kept results was not done."""


class NoSuchCardError(LookupError):
    """There is no such card, pool, key or organisation, or the actor is not read in to it."""


class KeyTakenError(ValueError):
    """The key speaks for another organisation already."""


class TooFewNetworksError(ValueError):
    """So few networks shared that the result would tell of one of them."""
