"""A real browser at real doors: Chromium, steered by Playwright, with axe to judge what it shows.

Screenshots of the walks are kept in `.clearhouse/screenshots`, named by who walks and what is seen.
"""

import contextlib
import os
import shutil
import socket
import threading
import time
from dataclasses import dataclass, field

import pytest
import uvicorn

from clearhouse.surfaces.cli import serve
from clearhouse.surfaces.web.desk.sign_in import one_time_link
from conftest import PROJECT
from npm_packages import installed

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here; on Debian and Ubuntu: apt-get install chromium"
)
SCREENSHOTS = PROJECT / ".clearhouse" / "screenshots"
PHONE, LAPTOP, WALL = (
    {"width": width, "height": height} for width, height in ((360, 740), (1280, 860), (1920, 1080))
)
GRAVE = ("serious", "critical")
# Every rule of WCAG 2.2 at level A and AA, and the good habits that axe checks besides.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_PATIENCE_MS = 90_000
"""A loaded machine is no failure."""
_JUDGE = "options => axe.run(document, options).then(found => found.violations)"
_TOO_WIDE = """() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  return [...document.querySelectorAll("body *")]
    .filter(one => one.getBoundingClientRect().right > room + 1)
    .map(one => one.tagName.toLowerCase() + "." + one.getAttribute("class")).slice(0, 8);
}"""


@contextlib.contextmanager
def chromium():
    """Run one browser until the block ends."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no Playwright here: ./clearhouse check installs it"
    )
    # Root gets no sandbox from Chromium; what it is shown here is our own.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@contextlib.contextmanager
def served(application):
    """Serve an application on loopback and yield its address, which has a name."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        config = uvicorn.Config(
            application, log_config=None, access_log=False, server_header=False, ws="none"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.02)
            yield f"http://localhost:{port}"
        finally:
            server.should_exit = True
            thread.join(20)


@dataclass
class Doors:
    """The two doors of a house as a browser finds them."""

    app: object
    browser: object
    desk: str
    counter: str
    said: list = field(default_factory=list)
    """What the browser complained about: blocked scripts and styles, errors in ours."""

    def page(self, door, *, size=LAPTOP, scheme="light", scripts=True):
        """Open an empty page of a browser that has been nowhere."""
        context = self.browser.new_context(
            viewport=size,
            color_scheme=scheme,
            java_script_enabled=scripts,
            base_url=getattr(self, door),
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="UTC",
        )
        page = context.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        return page

    def _heard(self, message):
        refused = message.type == "error" and "status of 4" in message.text
        if message.type in {"error", "warning"} and not refused:
            self.said.append(message.text)

    def at_desk(self, actor, **how):
        """Return a page of somebody who has signed in by a link."""
        page = self.page("desk", **how)
        page.goto(one_time_link(self.app.desk, actor, self.desk))
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(self.desk + "/")
        return page


@contextlib.contextmanager
def open_doors(app):
    """Serve desk and counter of a house, and start a browser."""
    counter = serve.counter_application(app.counter, reports_per_hour=1000)
    with (
        chromium() as browser,
        served(serve.desk_application(app)) as desk,
        served(counter) as other,
    ):
        doors = Doors(app, browser, desk, other)
        yield doors
        assert doors.said == [], "the browser complained"


def shot(page, name, *, whole=False):
    """Keep what a page shows."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=whole, animations="disabled")


def judge():
    """Return the script by which axe judges a page."""
    return (installed("axe") / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


def violations(page, script, **options):
    """Return what axe finds grave on a page, in words; it runs beside the page's own policy."""
    page.evaluate(script)
    chosen = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]} | options
    return [
        f"{found['id']}: {node['target']} {node['failureSummary']}"
        for found in page.evaluate(_JUDGE, chosen)
        if found["impact"] in GRAVE
        for node in found["nodes"][:4]
    ]


def too_wide(page):
    """Return what makes a page wider than its window."""
    return page.evaluate(_TOO_WIDE)
