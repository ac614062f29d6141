"""Every page of both doors in a real browser: axe in light and dark, and no page wider than a phone.

The phone has its own layout: there axe asks again what depends on it, and on the colours of the dark.
"""

import re
from urllib.parse import urlsplit

import pytest

from browser import LAPTOP, PHONE, judge, needs_chromium, open_doors, too_wide, violations
from clearhouse.surfaces.cli import serve
from clearhouse.surfaces.web import operator_view
from operator_side import ask, component, osv
from scenario.leaks_routes import routes
from working_house import working

pytestmark = [needs_chromium, pytest.mark.browser, pytest.mark.no_cover]

STARTS = {
    "desk": ("/", "/reports", "/cases", "/own-cases", "/threads", "/leases", "/access", "/criteria",
             "/defense", "/ledger", "/me", "/reach", "/releases"),
    "counter": ("/", "/report", "/status", "/status/SUB-unknown", "/advisories", "/determinations"),
}  # fmt: skip
# No pages: programs read them, or a browser keeps them.
FILES = re.compile(
    r"/v1/|/taxii2/|/static|\.(csv|json|txt|xml)$|/(original|statement|proof|export|text|osv|feed|csaf"
    r"|history)\b|\{(file|rest|year)|well-known|/mail/|/sign-in/(with|back)|/attachments/|/files/|\{detection_id\}"
)


@pytest.fixture(scope="module")
def doors(lasting):
    made = working(lasting)
    with open_doors(lasting) as opened:
        opened.house = made
        yield opened


def pages_of(application):
    """Return every address pattern of a door that a browser shows as a page."""
    found = (one.partition(" ") for one in routes(application))
    return {path for method, _, path in found if method == "GET" and not FILES.search(path)}


def pattern_of(address, patterns):
    path = urlsplit(address).path
    fits = [one for one in patterns if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", one), path)]
    return min(fits, key=lambda one: one.count("{"), default=None)


def visited(page, starts, patterns, seen):
    """Show one page of every pattern that links lead to and nobody saw, and yield its address."""
    waiting, gone = list(starts), set()
    while waiting:
        address = waiting.pop(0)
        pattern = pattern_of(address, patterns)
        if pattern is None or pattern in gone or (pattern in seen and address not in starts):
            continue
        gone.add(pattern)
        answer = page.goto(address)
        links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.getAttribute('href'))")
        waiting += links
        if pattern not in seen and (answer.ok or address in starts):
            seen.add(pattern)
            yield address


def faults(page, script, address):
    """Return what is wrong with a page, in both schemes and widths."""
    found = [(address, "light", one) for one in violations(page, script)]
    page.emulate_media(color_scheme="dark")
    dark = {"runOnly": ["color-contrast"]}
    found += [(address, "dark", one) for one in violations(page, script, **dark)]
    page.set_viewport_size(PHONE)
    phone = {"runOnly": ["color-contrast", "scrollable-region-focusable", "target-size"]}
    found += [(address, "dark phone", one) for one in violations(page, script, **phone)]
    page.emulate_media(color_scheme="light")
    found += [(address, "wider than a phone", one) for one in too_wide(page)]
    page.set_viewport_size(LAPTOP)
    return found


def test_axe_finds_nothing_grave_on_any_page_of_the_desk_and_none_is_wider_than_a_phone(doors):
    patterns = pages_of(serve.desk_application(doors.app)) - {"/sign-in", "/sign-in/passkey"}
    seen, wrong, script, made = set(), [], judge(), doors.house
    people = [(made.cora, STARTS["desk"]), (made.vera, ["/own-cases"]), (made.dana, ["/criteria"]),
              (made.lab, ["/access"])]  # fmt: skip
    for who, starts in people:
        page = doors.at_desk(who)
        for address in visited(page, starts, patterns, seen):
            wrong += faults(page, script, address)
        page.context.close()
    assert wrong == []
    assert seen == patterns, "every page of the desk was looked at"


def test_axe_finds_nothing_grave_at_the_counter_and_before_the_desk(doors):
    counter = serve.counter_application(doors.app.counter, reports_per_hour=1)
    patterns = pages_of(counter)
    wrong, seen, script = [], set(), judge()
    page = doors.page("counter")
    starts = (*STARTS["counter"], f"/invitation/{doors.house.invitation}")
    for address in visited(page, starts, patterns, seen):
        wrong += faults(page, script, address)
    assert seen == patterns, "every page of the counter was looked at"
    page = doors.page("desk")
    for address in ("/sign-in", "/sign-in?code=x", "/sign-in/passkey"):
        page.goto(address)
        wrong += faults(page, script, address)
    assert wrong == []


def test_the_page_that_operators_make_on_their_own_machine_is_fit_for_everybody(doors, tmp_path):
    report = ask(
        tmp_path,
        [osv("GHSA-aaaa", "a"), osv("GHSA-bbbb", "b")],
        component("pkg:pypi/a@1.0", "1.0"),
        component("pkg:pypi/c@3.0", "3.0"),
        component(name="a pump", version="7"),
    )
    (tmp_path / "watch.html").write_text(operator_view.page(report), "utf-8")
    page = doors.page("counter")
    address = f"file://{tmp_path}/watch.html"
    page.goto(address)
    assert faults(page, judge(), address) == []
