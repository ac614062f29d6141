"""Where a long list goes on."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Query

ROWS = 50
"""So many rows a page of a list has."""
PageNumber = Annotated[int, Query(ge=1, le=10_000)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pages:
    """Addresses of the neighbours of one page of a list."""

    said: str
    """Which part this is, in words."""
    before: str | None = None
    """The beginning of the list."""
    after: str | None = None


def numbered(address: str, page: int, *, more: bool) -> Pages:
    """Return the neighbours of a page that is called by its number."""
    return Pages(
        said=f"page {page}",
        before=address if page > 1 else None,
        after=f"{address}?page={page + 1}" if more else None,
    )
