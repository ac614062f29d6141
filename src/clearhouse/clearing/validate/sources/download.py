"""Read what the web has at an address, and keep it whole.

In comes an address; out come its bytes, or None: absent, out of reach or too large. Only HTTPS is
spoken, and plain HTTP with this machine itself or where the caller knows the digest of what it
wants, so that a mirror may withhold a file but not change it.
"""

import contextlib
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

_TIMEOUT_S = 60
_THIS_MACHINE = {"127.0.0.1", "::1", "localhost"}


def read_url(url: str, limit_bytes: int, *, digest_known: bool = False) -> bytes | None:
    """Return what stands at an address, or None."""
    parts = urlsplit(url)
    plain = parts.scheme == "http" and (digest_known or parts.hostname in _THIS_MACHINE)
    if parts.scheme != "https" and not plain:
        return None
    with contextlib.suppress(urllib.error.URLError, TimeoutError, ConnectionError):
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310  # see above
            data: bytes = answer.read(limit_bytes + 1)
        return data if len(data) <= limit_bytes else None
    return None


def keep(place: Path, data: bytes) -> None:
    """Write a file that every account may read, under a name of its own first: never half of it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as file:
        file.write(data)
    written = Path(file.name)
    written.chmod(0o644)
    written.replace(place)
