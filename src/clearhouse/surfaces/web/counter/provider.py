"""The published folder at the counter: the same files under the same paths as on any web server.

In: a path that the public can name. Out: its file, a listing for a folder, with a tag by which
readers ask only for what changed. Refused: everything else, as not there.
"""

import re
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.datastructures import MutableHeaders
from starlette.staticfiles import StaticFiles

from clearhouse.clearing.publish.shelf import Shelf
from clearhouse.surfaces.web.counter.front import counter_of
from clearhouse.surfaces.web.counter.refusals import NotPublicError

router = APIRouter(include_in_schema=False)

_TOP: Final = re.compile(
    r"([0-9]{4}|\.well-known/csaf|csaf|osv|feed|history|detections)/.*|atom\.xml|index\.json"
)
_MEDIA_TYPES: Final = {
    "atom.xml": "application/atom+xml",
    ".yml": "text/plain; charset=utf-8",
    ".rules": "text/plain; charset=utf-8",
    ".yar": "text/plain; charset=utf-8",
    ".asc": "application/pgp-signature",
    ".sha256": "text/plain; charset=utf-8",
    ".sha512": "text/plain; charset=utf-8",
}
_FOR_GOOD: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "public, max-age=60"


@router.api_route("/atom.xml", methods=["GET", "HEAD"])
@router.api_route("/index.json", methods=["GET", "HEAD"])
@router.api_route("/.well-known/csaf/{rest:path}", methods=["GET", "HEAD"])
@router.api_route("/csaf/{rest:path}", methods=["GET", "HEAD"])
@router.api_route("/osv/{rest:path}", methods=["GET", "HEAD"])
@router.api_route("/feed/{rest:path}", methods=["GET", "HEAD"])
@router.api_route("/history/{rest:path}", methods=["GET", "HEAD"])
@router.api_route("/detections/{rest:path}", methods=["GET", "HEAD"])
@router.api_route("/{year:int}/{rest:path}", methods=["GET", "HEAD"])
async def show_file(request: Request) -> Response:
    """Send a file of the published folder."""
    folder = counter_of(request).published_folder
    path = request.url.path.removeprefix("/")
    public = path.removesuffix("/")
    if folder is None or not _TOP.fullmatch(path) or Shelf(folder).place(public) is None:
        raise NotPublicError
    files = StaticFiles(directory=folder, html=True, check_dir=False, follow_symlink=True)
    response = await files.get_response(path, request.scope)
    headers = MutableHeaders(raw=response.raw_headers)
    headers["cache-control"] = (
        _FOR_GOOD if path.startswith(("history/", "feed/lists/")) else _ASK_AGAIN
    )
    headers["cross-origin-resource-policy"] = "cross-origin"  # public data, for any page's reader
    for ending, media_type in _MEDIA_TYPES.items():
        if path.endswith(ending) and response.status_code == 200:
            headers["content-type"] = media_type
    return response
