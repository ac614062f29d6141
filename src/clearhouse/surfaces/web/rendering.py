"""Turns view models into pages: one template environment with escaping always on.

In: a template's name and values. Out: HTML. Refused: names that a template uses and nobody gave.
Every value is escaped; only the pictures and `untrusted` make markup, from escaped parts.
"""

import hashlib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from clearhouse.clearing.prioritize.record import READY_ELEMENTS
from clearhouse.surfaces.web import keys
from clearhouse.surfaces.web.pictures.completeness import completeness_strip
from clearhouse.surfaces.web.pictures.weights import weight_bar
from clearhouse.surfaces.web.untrusted import excerpt, one_line, plain_line

_HERE = Path(__file__).parent
_STATIC = _HERE / "static"
_A_YEAR_S = 365 * 24 * 3600
ENGINES = {"sigma": "Sigma", "suricata": "Suricata", "yara": "YARA"}
"""How what reads detection rules is written, by kind."""


class Assets(StaticFiles):
    """The style sheet and pictures of our own; their addresses change with their content."""

    def __init__(self) -> None:
        super().__init__(directory=_STATIC)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return one file, to be kept by browsers."""
        response = await super().get_response(path, scope)
        headers = MutableHeaders(raw=response.raw_headers)
        headers["cache-control"] = f"public, max-age={_A_YEAR_S}, immutable"
        return response


@cache
def asset(name: str) -> str:
    """Return the address of a file of ours, with a mark of its content."""
    mark = hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?{mark}"


@cache
def environment() -> Environment:
    """Return the template environment."""
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "asset": asset,
        "engines": ENGINES,
        "strip": elements_strip,
        "weight_bar": weight_bar,
        "address_of": address_of,
        "places": keys.PLACES,
        "key_sections": keys.sections,
        "key_bindings": keys.bindings,
        "stands_under": keys.stands_under,
        "pressed_by": keys.pressed_by,
        "key_of": keys.key_of,
    }
    made.filters |= {
        "line": one_line,
        "plain_line": plain_line,
        "excerpt": excerpt,
        "instant": instant,
        "day": day,
        "number": number,
        "spoken": spoken,
    }
    return made


def page(name: str, values: Mapping[str, object], *, status: int = 200) -> HTMLResponse:
    """Return a rendered template as an answer."""
    return HTMLResponse(environment().get_template(name).render(values), status_code=status)


def instant(at: datetime) -> Markup:
    """Return an instant in UTC, readable and machine-readable."""
    utc = at.astimezone(UTC)
    return Markup('<time datetime="%s">%s</time>') % (
        utc.isoformat(timespec="seconds"),
        utc.strftime("%Y-%m-%d %H:%M UTC"),
    )


def day(at: datetime) -> Markup:
    """Return the day of an instant in UTC, with the full instant for those who ask."""
    utc = at.astimezone(UTC)
    return Markup('<time datetime="%s" title="%s">%s</time>') % (
        utc.isoformat(timespec="seconds"),
        utc.strftime("%Y-%m-%d %H:%M:%S UTC"),
        utc.strftime("%d %b %Y"),
    )


def number(value: int) -> str:
    """Return a count with thin spaces between thousands."""
    return f"{value:,}".replace(",", "\u202f")


def address_of(thing: str) -> str | None:
    """Return the address of the page about a thing, None when there is no such page."""
    places = {
        "fnd_": "/findings/",
        "rep_": "/reports/",
        "cas_": "/cases/",
        "evd_": "/criteria/evidence/",
        "det_": "/criteria/determinations/",
        "crd_": "/defense/cards/",
        "pol_": "/defense/pools/",
    }
    return f"{places[thing[:4]]}{thing}" if thing[:4] in places else None


def elements_strip(present: Collection[str]) -> Markup:
    """Return the small picture of which elements of a ready report are there."""
    return _strip(frozenset(present) & frozenset(READY_ELEMENTS))


@cache
def _strip(present: frozenset[str]) -> Markup:
    """Draw each of the 64 strips that there are once: a long list shows fifty."""
    return completeness_strip(READY_ELEMENTS, present)


def spoken(length: timedelta) -> str:
    """Return a length of time in its two largest units, without a sign."""
    seconds = int(abs(length).total_seconds())
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    parts = [(days, "day"), (hours, "hour"), (minutes, "minute")]
    said = [f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count]
    return " ".join(said[:2]) or "less than a minute"
