"""Whether a registry answers is asked of the network itself, on this machine's loopback."""

import http.server
import socket
import threading
from urllib.error import URLError

import pytest

from clearhouse.clearing.validate.reproduce import reach
from clearhouse.clearing.validate.reproduce.reach import out_of_reach


@pytest.fixture(autouse=True)
def forgotten():
    reach._fails.cache_clear()
    yield
    reach._fails.cache_clear()


class Refusing(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_response(404 if "none" in self.path else 200)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_a_registry_that_answers_anything_is_in_reach():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        base = f"http://127.0.0.1:{server.server_port}"
        assert not out_of_reach(f"{base}/simple")
        assert not out_of_reach(f"{base}/none")
        assert not out_of_reach(f"https://127.0.0.1:{server.server_port}/")  # no TLS there
        server.shutdown()
        thread.join()


def test_a_refused_connection_is_out_of_reach_and_remembered():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/simple"
        assert out_of_reach(address)
        free.listen()
        assert out_of_reach(address)


def test_a_registry_that_never_answers_is_out_of_reach(monkeypatch):
    monkeypatch.setattr(reach, "_ASK_S", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert out_of_reach(f"http://127.0.0.1:{silent.getsockname()[1]}/simple")


def test_a_name_that_nobody_has_is_out_of_reach(monkeypatch):
    def unknown(request, timeout):
        raise URLError(socket.gaierror(-2, "Name or service not known"))

    monkeypatch.setattr(reach.urllib.request, "urlopen", unknown)
    assert out_of_reach("https://registry.example/simple")


def test_a_folder_is_not_asked():
    assert not out_of_reach("file:///srv/simple")
