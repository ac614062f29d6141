"""The keys of the desk on a page of their own, for those whose browser runs no script."""

from fastapi import APIRouter, Response

from clearhouse.surfaces.web.desk.entrance import Here

router = APIRouter(include_in_schema=False)


@router.get("/keys")
def show(here: Here) -> Response:
    """Show every key and what it does."""
    return here.page("keys.html")
