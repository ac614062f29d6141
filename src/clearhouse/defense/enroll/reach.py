"""Where a tool may be reached: recordings stay on this machine unless the operator allows it."""

import ipaddress
from urllib.parse import urlsplit

from clearhouse.defense.enroll.record import ToolFaultError


def demand_reachable(url: str, *, remote: bool) -> None:
    """Refuse what is no address, and other machines unless events may go to them.

    Raises: ToolFaultError.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ToolFaultError(f"{url} is no address")
    if not remote and not _loopback(parts.hostname):
        raise ToolFaultError(
            f"{parts.hostname} is not this machine, and events would leave it; say --remote if"
            " they may"
        )


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
