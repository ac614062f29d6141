"""A real OpenID provider for tests, and a browser that goes there and comes back."""

import contextlib
import hashlib
import shutil
import socket
import subprocess
from urllib.parse import urljoin, urlsplit

import httpx2
import pytest

from conftest import PROJECT
from visitor import Page

_HERE = PROJECT / "tests" / "openid_provider"
_FILES = ("package.json", "package-lock.json", "provider.mjs")
BACK = "http://127.0.0.1:8441/sign-in/back"


def installed():
    """Return the folder of the provider, installed once from its lock file."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs Node.js with npm: Debian and Ubuntu: apt-get install nodejs npm")
    lock = hashlib.sha256(b"".join((_HERE / name).read_bytes() for name in _FILES)).hexdigest()
    folder = PROJECT / ".clearhouse" / f"openid-provider-{lock[:12]}"
    if not (folder / "installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            shutil.copy(_HERE / name, folder / name)
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"npm could not install the OpenID provider: {done.stderr[-200:]}")
        (folder / "installed").touch()
    return folder


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@contextlib.contextmanager
def provider(port, kid="first"):
    """Run the provider until the block ends."""
    process = subprocess.Popen(
        ["node", "provider.mjs", str(port), kid, BACK],
        cwd=installed(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
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
