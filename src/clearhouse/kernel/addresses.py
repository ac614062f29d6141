"""Where a request that somebody else named may go: never inside, and where it was looked up.

In: an address. Out: a `Place`, whose host was looked up once and whose one IP address is the one
that is connected to, so that a name which answers differently the second time gains nothing.
Refused: addresses without HTTPS to anything but this machine, and every host that has an IP address
which is not public: loopback, private, link-local (cloud metadata), shared, reserved, multicast,
also when it is wrapped into IPv6. Loopback is open while the house itself is on loopback; other
networks are open when the policy `outside` names them.
Source: RFC 6890 and its registries, as `ipaddress` knows them; RFC 4291 §2.5.5, RFC 6052, RFC 3056.
"""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import cast
from urllib.parse import SplitResult, urlsplit

from clearhouse.kernel import policy

_Ip = IPv4Address | IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_PUBLIC_AND_INSIDE = frozenset({IPv4Address("168.63.129.16")})
"""Addresses of the public range that answer only inside: the metadata of one large cloud."""


class AddressRefusedError(ValueError):
    """Our own settings, or an address that somebody named, would send in the clear or inside."""


class UnknownHostError(OSError):
    """The name of the host has no address now; try again later."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """An address that was looked up."""

    parts: SplitResult
    ip: str
    port: int

    def connection(self, timeout_s: float) -> http.client.HTTPConnection:
        """Return a connection to exactly this IP address; TLS checks the name all the same."""
        host = self.parts.hostname or ""
        if self.parts.scheme == "https":
            return _PinnedTls(host, self.port, ip=self.ip, timeout_s=timeout_s)
        return _Pinned(host, self.port, ip=self.ip, timeout_s=timeout_s)


def demand_private(address: str) -> SplitResult:
    """Return the parts of an address for requests that nobody on the way can read.

    Raises: AddressRefusedError.
    """
    try:
        parts = urlsplit(address)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError as error:
        raise AddressRefusedError("this is no address") from error
    plain = parts.scheme == "http" and is_here(parts.hostname)
    if not parts.hostname or not port_is_one or not (parts.scheme == "https" or plain):
        raise AddressRefusedError("an address for requests begins with https://")
    if parts.username or parts.password or parts.fragment:
        raise AddressRefusedError("an address for requests holds no password and no fragment")
    return parts


def demand_outside(address: str, *, at_home: bool) -> SplitResult:
    """Return the parts of an address that does not name an inside IP address outright.

    Names are looked up when something is sent, not here.
    Raises: AddressRefusedError.
    """
    parts = demand_private(address)
    host = parts.hostname or ""
    try:
        named = ipaddress.ip_address(host)
    except ValueError:
        if host == "localhost" and not at_home:
            raise AddressRefusedError(_INSIDE) from None
        return parts
    if not may_ask(named, at_home=at_home, allowed=allowed_networks()):
        raise AddressRefusedError(_INSIDE)
    return parts


def look_up(address: str, *, at_home: bool) -> Place:
    """Return where a request to an address goes.

    Raises: AddressRefusedError; UnknownHostError.
    """
    parts = demand_private(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    allowed = allowed_networks()
    found = _addresses_of(parts.hostname or "", port)
    if not found:
        raise UnknownHostError("no address")
    if not all(may_ask(one, at_home=at_home, allowed=allowed) for one in found):
        raise AddressRefusedError(_INSIDE)
    return Place(parts=parts, ip=str(found[0]), port=port)


def is_here(host: str | None) -> bool:
    """Say whether a host is this machine, by its name or its address alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def may_ask(ip: _Ip, *, at_home: bool, allowed: Sequence[_Network]) -> bool:
    """Say whether a request may go to an IP address. `at_home`: the house is on loopback itself."""
    for one in _unwrapped(ip):
        if one.is_link_local or one in _PUBLIC_AND_INSIDE:
            return False
        if one.is_loopback:
            if not at_home:
                return False
        elif any(one.version == network.version and one in network for network in allowed):
            continue
        elif not one.is_global or one.is_multicast or one.is_reserved:
            return False
    return True


def allowed_networks() -> tuple[_Network, ...]:
    """Return the networks that the policy in force opens.

    Raises: PolicyError when an entry has no name, reason or network.
    """
    document = policy.load("outside/clearhouse-1")
    entries = cast("list[dict[str, str]]", document.get("allowed_networks") or [])
    try:
        return tuple(
            ipaddress.ip_network(one["network"])
            for one in entries
            if one["name"] and one["because"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise policy.PolicyError(
            "the policy outside/clearhouse-1 needs a name, a network and a reason for each entry"
        ) from error


_INSIDE = "an address for requests is public; inside networks need the policy `outside`"


def _addresses_of(host: str, port: int) -> list[_Ip]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnknownHostError("no address") from error
    return [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]


def _unwrapped(ip: _Ip) -> tuple[_Ip, ...]:
    """Return an IP address, and those of version 4 that it carries."""
    if isinstance(ip, IPv4Address):
        return (ip,)
    if ip.ipv4_mapped is not None:
        return (ip.ipv4_mapped,)
    if ip in _TRANSLATED:
        return (IPv4Address(int(ip) & 0xFFFFFFFF),)
    carried: list[_Ip] = [ip]
    if ip.sixtofour is not None:
        carried.append(ip.sixtofour)
    if ip.teredo is not None:
        carried.extend(ip.teredo)
    return tuple(carried)


class _Pinned(http.client.HTTPConnection):
    def __init__(self, host: str, port: int, *, ip: str, timeout_s: float) -> None:
        super().__init__(host, port, timeout=timeout_s)
        self._ip = ip

    def connect(self) -> None:
        self.sock = socket.create_connection((self._ip, self.port), self.timeout)


class _PinnedTls(http.client.HTTPSConnection):
    def __init__(self, host: str, port: int, *, ip: str, timeout_s: float) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(host, port, timeout=timeout_s, context=self._tls)
        self._ip = ip

    def connect(self) -> None:
        plain = socket.create_connection((self._ip, self.port), self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
