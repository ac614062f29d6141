"""Which site the desk is to a browser: passkeys are made for a host name, and for no other.

In: a request. Out: the site, when it came under the desk's own name, or under `localhost` to a desk
on this machine. Refused: addresses without a name, and names that somebody else made up.
Source: W3C Web Authentication Level 3, §4 (relying party identifier).
"""

from urllib.parse import urlsplit

from fastapi import Request

from clearhouse.kernel.addresses import is_here
from clearhouse.kernel.passkeys import Site
from clearhouse.surfaces.web.desk.entrance import entrance_of


def site_of(request: Request) -> Site | None:
    """Return the site for which passkeys can be made here; None under a bare address."""
    host = (request.url.hostname or "").lower()
    own = urlsplit(entrance_of(request).desk.outside.desk_address).hostname or ""
    at_home = host == "localhost" and is_here(own)
    if not host or (host != own.lower() and not at_home) or (is_here(host) and not at_home):
        return None
    scheme = "https" if entrance_of(request).secure else "http"
    return Site(host=host, origin=f"{scheme}://{request.headers.get('host', '').lower()}")


def named_address(request: Request) -> str | None:
    """Return where the same desk has a name, when it was asked for by a loopback address."""
    if site_of(request) is not None or not is_here(request.url.hostname):
        return None
    return f"http://localhost:{request.url.port or 80}/sign-in"
