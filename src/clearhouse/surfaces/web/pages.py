"""Where a long list goes on."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Pages:
    """Addresses of the neighbours of one page of a list."""

    said: str
    """Which part this is, in words."""
    before: str | None = None
    after: str | None = None
