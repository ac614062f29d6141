"""Brings files of the network onto this machine, and nothing of this machine onto the network.

In: an address. Out: its bytes, or that what is kept is still the newest. Refused with `FetchError`:
what is no http or https address, what does not answer, and what is larger than is read. A request
names the file alone; nothing of an inventory is ever in it.
"""

import http.client
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

TIMEOUT_S: Final = 60
MOST_BYTES: Final = 4 * 1024 * 1024 * 1024
_PIECE: Final = 1024 * 1024
_AGENT: Final = "clearhouse-watch"


class FetchError(OSError):
    """An address did not give what was asked for; the message says which and what to do."""


def is_address(text: str) -> bool:
    """Answer whether a text is an address of the network rather than a path."""
    return text.lower().startswith(("http://", "https://"))


def fetch(address: str, *, most: int = 64 * 1024 * 1024) -> bytes:
    """Return the bytes at an address.

    Raises: FetchError.
    """
    try:
        with _open(address, {}) as answer:
            data: bytes = answer.read(most + 1)
    except (OSError, http.client.HTTPException) as error:
        raise _failed(address, error) from error
    if len(data) > most:
        raise FetchError(f"{address}: larger than {most} bytes")
    return data


def fetch_into(address: str, path: Path) -> None:
    """Bring a file to its place in one step, unless what is there is still the newest.

    Raises: FetchError.
    """
    marks = path.with_suffix(path.suffix + ".marks")
    headers = json.loads(marks.read_text("utf-8")) if marks.exists() and path.exists() else {}
    fresh = path.with_suffix(path.suffix + ".part")
    try:
        with _open(address, headers) as answer, fresh.open("wb") as file:
            size = 0
            while piece := answer.read(_PIECE):
                size += len(piece)
                if size > MOST_BYTES:
                    raise FetchError(f"{address}: larger than {MOST_BYTES} bytes")
                file.write(piece)
            kept = {"If-None-Match": answer.headers.get("ETag")}
            kept["If-Modified-Since"] = answer.headers.get("Last-Modified")
    except urllib.error.HTTPError as error:
        if error.code == 304:
            return
        raise _failed(address, error) from error
    except (OSError, http.client.HTTPException) as error:
        raise _failed(address, error) from error
    fresh.replace(path)
    marks.write_text(json.dumps({key: value for key, value in kept.items() if value}), "utf-8")


def _open(address: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    if not is_address(address):
        raise FetchError(f"{address}: is no http or https address")
    request = urllib.request.Request(address, headers={"User-Agent": _AGENT, **headers})  # noqa: S310 - checked above
    opened: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT_S)  # noqa: S310 - as above
    return opened


def _failed(address: str, error: Exception) -> FetchError:
    if isinstance(error, FetchError):
        return error
    reason = getattr(error, "reason", None) or error
    return FetchError(f"{address}: {reason}; check the address, or use --offline with what is kept")
