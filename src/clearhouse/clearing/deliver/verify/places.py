"""Where published files are looked for: a folder, or an address of the network.

In: a path below the place. Out: its bytes, or None where there is nothing. Refused: an address that
sends the reader elsewhere, and files larger than is read, with `PlaceError`.
"""

import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn, Protocol
from urllib.parse import quote

from clearhouse.clearing.deliver.watch.fetching import is_address

MOST_BYTES: Final = 1024 * 1024 * 1024
_TIMEOUT_S: Final = 60
_NOT_THERE: Final = {404, 410}


class PlaceError(OSError):
    """The place does not answer as a web server of files does; the message says how."""


class Place(Protocol):
    """A folder or an address."""

    @property
    def name(self) -> str:
        """The folder, or the address without a slash at its end."""
        ...

    def get(self, path: str) -> bytes | None:
        """Return a file's bytes, None where there is none.

        Raises: PlaceError.
        """
        ...


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """Files on this machine."""

    name: str

    def get(self, path: str) -> bytes | None:
        """Return a file's bytes; a folder is its `index.html`."""
        place = Path(self.name, path)
        try:
            return (place / "index.html" if path.endswith("/") else place).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise PlaceError(f"{place}: {error.strerror}") from error


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nobody elsewhere."""

    def redirect_request(self, *args: object, **_: object) -> NoReturn:
        raise PlaceError(f"{args[0].full_url}: redirects to {args[5]}")  # type: ignore[attr-defined] # urllib's request


@dataclass(frozen=True, slots=True)
class WebPlace:
    """Files of a web server."""

    name: str
    """Its address, without a slash at the end."""

    def get(self, path: str) -> bytes | None:
        """Return a file's bytes."""
        address = f"{self.name}/{quote(path)}"
        opener = urllib.request.build_opener(_Stay())
        try:
            with opener.open(address, timeout=_TIMEOUT_S) as answer:
                data: bytes = answer.read(MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            if error.code in _NOT_THERE:
                return None
            raise PlaceError(f"{address}: answers {error.code}") from error
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
            reason = getattr(error, "reason", None) or error
            raise PlaceError(f"{address}: {reason}") from error
        if len(data) > MOST_BYTES:
            raise PlaceError(f"{address}: larger than {MOST_BYTES} bytes")
        return data


def place_of(text: str) -> Place:
    """Return the place that a person means by a text."""
    return WebPlace(text.rstrip("/")) if is_address(text) else FolderPlace(text)
