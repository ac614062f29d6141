"""Looks at answers as a scanner of web applications does, and returns what it finds wrong.

In: an answer of a door. Out: findings, in words; none means none. The rules are of this house: what
its pages may hold is known, so whatever else is there came from a stranger.
"""

import re

from clearhouse.surfaces.web.untrusted import is_hidden
from hostile_texts import TAG
from visitor import Page

_OPENS = re.compile(rf"{TAG}", re.IGNORECASE)
_OUTWARD = re.compile(r"[a-z][a-z0-9+.-]*:|//|\\", re.IGNORECASE)
_NAMES = {"href", "src", "action", "formaction", "data", "poster", "xlink:href", "cite", "ping"}
_NEVER = {"style", "srcdoc", "background", "ping", "xlink:href", "is", "slot"}
_GUARDS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_SHUT = ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'")


def findings(address, answer, *, tags, scripts, outward=()):
    """Return what is wrong with an answer; `tags` are those that pages of ours have."""
    found = [*_headers(answer), *_cookies(answer)]
    kind = answer.headers.get("content-type", "")
    if kind.startswith("text/html"):
        found += _html(answer.text, tags, scripts, outward)
    elif "html" in kind or ("svg" in kind and "/static/" not in address):
        found.append(f"a browser would open {kind}")
    return [f"{address}: {one}" for one in found]


def _headers(answer):
    headers = answer.headers
    for name, value in _GUARDS.items():
        if headers.get(name) != value:
            yield f"header {name} is {headers.get(name)!r}"
    policy = headers.get("content-security-policy", "")
    download = "sandbox" in policy and "attachment" in headers.get("content-disposition", "")
    for part in () if download else _SHUT:
        if part not in policy:
            yield f"the policy lacks {part}"
    if "unsafe" in policy or "*" in policy or "data:" in policy:
        yield f"the policy is loose: {policy}"
    if "access-control-allow-origin" in headers:
        yield "other sites may read it"
    if answer.is_redirect and _OUTWARD.match(headers["location"]):
        yield f"it leads elsewhere: {headers['location']}"
    if {"server", "x-powered-by"} & set(headers):
        yield "it says what it runs on"


def _cookies(answer):
    for cookie in answer.headers.get_list("set-cookie"):
        low = cookie.lower()
        if "httponly" not in low or "samesite=" not in low or "samesite=none" in low:
            yield f"a loose cookie: {cookie.partition('=')[0]}"


def _html(source, tags, scripts, outward):
    page = Page(source)
    if _OPENS.search(source):
        yield "a tag of a stranger is open"
    for tag in set(page.tags) - tags:
        yield f"a tag <{tag}> that no page of ours has"
    yield from _attributes(page, outward)
    if page.tags.count("script") > scripts:
        yield "a script too many"
    if re.search(r"<script(?![^>]*\bsrc=)", source):
        yield "a script inside the page"
    # What somebody typed comes back to be edited as it was typed.
    shown = re.sub(r"""(?s)<textarea.*?</textarea>|<input name=[^>]* value="[^"]*\"""", "", source)
    hidden = {
        f"U+{ord(c):04X}"
        for c in shown
        if is_hidden(c) and c not in "\u202f\u2063\u200b\u200c\u200d\u2060"
    }
    if hidden:
        yield f"characters that nobody sees: {sorted(hidden)}"
    for form in page.forms:
        if not form["action"].startswith("/"):
            yield f"a form that goes to {form['action']!r}"


def _attributes(page, outward):
    for tag, name, value in page.attributes:
        if name.startswith("on") or name in _NEVER:
            yield f"<{tag} {name}>"
        elif name == "http-equiv" and value != "refresh":
            yield f"<{tag} http-equiv={value}>"
        elif name in _NAMES and _OUTWARD.match(value.strip()) and not value.startswith(outward):
            yield f"<{tag} {name}> leads elsewhere: {value[:60]!r}"
