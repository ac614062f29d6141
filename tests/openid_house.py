"""A real OpenID provider for tests, and a browser that goes there and comes back."""

import contextlib
import socket
import subprocess
from urllib.parse import urljoin, urlsplit

import httpx2

from npm_packages import installed
from visitor import Page

BACK = "http://127.0.0.1:8441/sign-in/back"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@contextlib.contextmanager
def provider(port, kid="first"):
    """Run the provider until the block ends."""
    process = subprocess.Popen(
        ["node", "provider.mjs", str(port), kid, BACK],
        cwd=installed("openid_provider"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stdout.readline().strip() == "listening"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def gone_through(address, name):
    """Sign in at the provider as somebody, agree, and return where the browser is sent then."""
    with httpx2.Client(timeout=30) as browser:
        for _ in range(12):
            answer = browser.get(address)
            while answer.is_redirect:
                address = urljoin(address, answer.headers["location"])
                if address.startswith(BACK):
                    return urlsplit(address)
                answer = browser.get(address)
            (form, *_) = Page(answer.text).forms
            fields = form["fields"] | {"login": name, "password": "x"}
            answer = browser.post(urljoin(address, form["action"]), data=fields)
            address = urljoin(address, answer.headers["location"])
    raise AssertionError("the provider never sent the browser back")
