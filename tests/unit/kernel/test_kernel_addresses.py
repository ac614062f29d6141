"""No address that somebody named leads a request inside, whatever it is wrapped in."""

import http.server
import ipaddress
import socket
import ssl
import threading

import pytest

from clearhouse.kernel import addresses, policy
from clearhouse.kernel.addresses import (
    AddressRefusedError,
    UnknownHostError,
    demand_outside,
    look_up,
    may_ask,
)
from clearhouse.kernel.outside import Outside, OutsideError, UnclearError

INSIDE = (
    "10.0.0.1", "172.16.3.4", "192.168.1.1", "100.64.0.1", "169.254.169.254", "0.0.0.0",  # noqa: S104 - it is asked for, not bound to
    "192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "168.63.129.16", "fe80::1",
    "fd00:ec2::254", "::", "ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1",
    "2002:a00:1::1", "2001:db8::1", "::a00:1",
)  # fmt: skip
LOOPBACK = ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1")


def named(monkeypatch, *answers):
    """Let every name have these addresses, one answer a look-up."""
    left = list(answers)

    def look(_host, port, **_):
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", look)


@pytest.mark.parametrize("at_home", [True, False])
@pytest.mark.parametrize("ip", INSIDE)
def test_an_inside_address_is_never_asked_not_even_by_a_house_on_loopback(ip, at_home):
    assert not may_ask(ipaddress.ip_address(ip), at_home=at_home, allowed=())
    with pytest.raises(AddressRefusedError):
        demand_outside(f"https://[{ip}]/" if ":" in ip else f"https://{ip}/", at_home=at_home)


@pytest.mark.parametrize("ip", LOOPBACK)
def test_loopback_is_asked_by_a_house_that_is_on_loopback_itself(ip):
    one = ipaddress.ip_address(ip)
    assert may_ask(one, at_home=True, allowed=())
    assert not may_ask(one, at_home=False, allowed=())


@pytest.mark.parametrize("ip", ["93.184.215.14", "2606:4700::1111", "::ffff:93.184.215.14"])
def test_a_public_address_is_asked(ip):
    assert may_ask(ipaddress.ip_address(ip), at_home=False, allowed=())


def test_a_name_counts_by_all_addresses_that_it_has(monkeypatch):
    named(monkeypatch, ["93.184.215.14", "10.0.0.1"])
    with pytest.raises(AddressRefusedError, match="public"):
        look_up("https://two.example/", at_home=False)


def test_a_name_is_looked_up_once_and_that_address_is_connected_to(monkeypatch):
    asked = []
    named(monkeypatch, ["93.184.215.14"], ["127.0.0.1"])
    monkeypatch.setattr(
        addresses.socket, "create_connection", lambda to, _: asked.append(to) or _refuse()
    )
    with pytest.raises(OutsideError, match="request: ConnectionRefusedError"):
        Outside(desk_address="https://desk.example").ask("GET", "https://rebinds.example/")
    assert asked == [("93.184.215.14", 443)]


def _refuse():
    raise ConnectionRefusedError


def test_a_name_without_an_address_is_a_failure_of_the_outside(monkeypatch):
    def nothing(*_, **__):
        raise socket.gaierror

    monkeypatch.setattr(addresses.socket, "getaddrinfo", nothing)
    with pytest.raises(UnknownHostError):
        look_up("https://gone.example/", at_home=False)
    with pytest.raises(OutsideError, match="no address"):
        Outside(desk_address="https://desk.example").ask("GET", "https://gone.example/")
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *_, **__: [])
    with pytest.raises(UnknownHostError):
        look_up("https://empty.example/", at_home=False)


def test_a_network_that_the_policy_names_is_open_and_the_metadata_of_clouds_is_not(monkeypatch):
    entries = [{"name": "partners", "network": "10.20.0.0/16", "because": "a tunnel"},
               {"name": "all", "network": "169.254.0.0/16", "because": "a mistake"}]  # fmt: skip
    monkeypatch.setattr(policy, "load", lambda _: {"allowed_networks": entries})
    named(monkeypatch, ["10.20.3.4"], ["169.254.169.254"])
    assert look_up("https://partner.example/x", at_home=False).ip == "10.20.3.4"
    with pytest.raises(AddressRefusedError):
        look_up("https://metadata.example/", at_home=False)
    demand_outside("https://10.20.3.4/", at_home=False)
    entries[0]["network"] = "not a network"
    with pytest.raises(policy.PolicyError, match="reason"):
        addresses.allowed_networks()


def test_a_request_is_sent_and_its_answer_comes_back_bounded():
    class Answers(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(201)
            self.send_header("X-Host", self.headers["Host"])
            self.end_headers()
            self.wfile.write(body if self.path == "/a?b" else b"x" * (2 << 20))

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
    server.handle_error = lambda *_: None  # what is no HTTP is the asker's doing
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        near = Outside(desk_address="http://localhost:1")
        port = server.server_address[1]
        came = near.ask("POST", f"http://localhost:{port}/a?b", b"words")
        assert (came.status, came.body) == (201, b"words")
        assert came.headers["x-host"] == f"localhost:{port}"
        with pytest.raises(UnclearError, match="too large"):
            near.ask("POST", f"http://127.0.0.1:{port}/", b"")
        with pytest.raises(OutsideError, match=r"request: SSL"):
            near.ask("POST", f"https://127.0.0.1:{port}/", b"")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_what_breaks_off_after_it_was_sent_is_unclear():
    server = socket.create_server(("127.0.0.1", 0))

    def hang_up():
        session, _ = server.accept()
        session.recv(65536)
        session.close()

    thread = threading.Thread(target=hang_up)
    thread.start()
    with pytest.raises(UnclearError):
        Outside(desk_address="http://[::1]:1").ask(
            "POST", f"http://127.0.0.1:{server.getsockname()[1]}/", b"x"
        )
    thread.join()
    server.close()


def test_tls_is_checked_against_the_name_and_not_the_address(monkeypatch):
    named(monkeypatch, ["93.184.215.14"])
    wrapped = []

    class Tls(ssl.SSLContext):
        def wrap_socket(self, plain, **more):
            wrapped.append(more["server_hostname"])
            return plain

    monkeypatch.setattr(
        addresses.ssl, "create_default_context", lambda: Tls(ssl.PROTOCOL_TLS_CLIENT)
    )
    monkeypatch.setattr(addresses.socket, "create_connection", lambda *_: socket.socket())
    connection = look_up("https://name.example/", at_home=False).connection(1.0)
    connection.connect()
    connection.close()
    assert wrapped == ["name.example"]
