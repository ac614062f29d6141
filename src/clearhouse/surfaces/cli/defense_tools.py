"""Which tools a command is told to test, written as `kind` or `kind:where`.

sigma, sigma:RULES, rarity, suricata, scripted, gullible, openai:URL#MODEL, http:URL, mcp:URL,
mcp:COMMAND, inspect:MODEL#URL, inspect:LOG, siem:FILE, human:FILE, cli:FOLDER:COMMAND,
recorded:NAME
"""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from clearhouse.defense.enroll.agent import Agent, Endpoint, key_from_environment
from clearhouse.defense.enroll.cli import CommandTool
from clearhouse.defense.enroll.http import HttpTool
from clearhouse.defense.enroll.human import Analyst
from clearhouse.defense.enroll.inspect import InspectLog, InspectModel
from clearhouse.defense.enroll.mcp import McpTool
from clearhouse.defense.enroll.rarity import Rarity
from clearhouse.defense.enroll.record import Tool
from clearhouse.defense.enroll.recorded import Recorded
from clearhouse.defense.enroll.scripted import scripted_agent
from clearhouse.defense.enroll.sensor import Sensor
from clearhouse.defense.enroll.siem import SiemAlerts
from clearhouse.defense.enroll.sigma.tool import sigma_of


@contextmanager
def enrolled(specs: Sequence[str], *, price: float | None, remote: bool) -> Iterator[list[Tool]]:
    """Return the tools of these descriptions, and end what was started for them."""
    with ExitStack() as stack:
        terms = _Terms(price=price, remote=remote)
        yield [_tool(one, stack, terms) for one in specs]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Terms:
    price: float | None
    remote: bool


def _tool(spec: str, stack: ExitStack, terms: _Terms) -> Tool:
    kind, _, where = spec.partition(":")
    found = _built_in(kind, where, stack)
    if found is None and where and kind in _PRODUCTS:
        found = _PRODUCTS[kind](where, terms)
    if found is None:
        raise click.UsageError(f"{spec} is no tool; see `clearhouse defense run --help`")
    return found


def _built_in(kind: str, where: str, stack: ExitStack) -> Tool | None:
    match kind:
        case "sigma":
            return sigma_of([Path(where)] if where else [])
        case "rarity":
            return Rarity()
        case "suricata":
            return Sensor()
        case "scripted" | "gullible":
            return stack.enter_context(scripted_agent(gullible=kind == "gullible"))
        case _:
            return None


def _agent(where: str, terms: _Terms) -> Tool | None:
    url, hash_, model = where.partition("#")
    key, price = key_from_environment(), terms.price
    endpoint = Endpoint(url=url, model=model, key=key, price_per_million_tokens=price)
    return Agent(endpoint) if hash_ else None


def _command(where: str, _: _Terms) -> Tool | None:
    folder, colon, command = where.partition(":")
    return CommandTool(shlex.split(command), Path(folder)) if colon else None


def _mcp(where: str, terms: _Terms) -> Tool:
    at_an_address = where.startswith(("http://", "https://"))
    return McpTool(where if at_an_address else shlex.split(where), remote=terms.remote)


def _inspect(where: str, _: _Terms) -> Tool:
    if where.endswith((".eval", ".json")):
        return InspectLog(Path(where))
    model, _hash, url = where.partition("#")
    return InspectModel(model, base_url=url or None)


_PRODUCTS: Mapping[str, Callable[[str, _Terms], Tool | None]] = {
    "openai": _agent,
    "cli": _command,
    "http": lambda where, terms: HttpTool(where, remote=terms.remote),
    "mcp": _mcp,
    "inspect": _inspect,
    "siem": lambda where, _: SiemAlerts(Path(where)),
    "human": lambda where, _: Analyst(Path(where)),
    "recorded": lambda where, _: Recorded(where),
}
"""What stands behind each kind that needs to say where; None when it says it in another way."""
