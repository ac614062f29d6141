"""A fetcher that must not reach addresses of its own network."""

import socket

PRIVATE = (("10.0.0.0", 8), ("127.0.0.0", 8), ("169.254.0.0", 16), ("192.168.0.0", 16))


def number(address):
    """Return an IPv4 address as a number."""
    parts = [int(part) for part in address.split(".")]
    if len(parts) != 4 or not all(0 <= part <= 255 for part in parts):
        raise ValueError("not an IPv4 address")
    return (parts[0] << 24) + (parts[1] << 16) + (parts[2] << 8) + parts[3]


def private(address):
    """Say whether an address belongs to a private network."""
    return any(
        number(address) >> (32 - length) == number(network) >> (32 - length)
        for network, length in PRIVATE
    )


def connect(address):
    """Return the address that a connection would reach."""
    return socket.inet_ntoa(socket.inet_aton(address))


def handle(request):
    """Answer `{"address": ...}`: is it allowed, and what would be reached?"""
    try:
        allowed = not private(request["address"])
    except ValueError:
        allowed = False
    return {"allowed": allowed, "reached": connect(request["address"]) if allowed else None}
