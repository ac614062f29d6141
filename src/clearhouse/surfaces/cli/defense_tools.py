"""Which tools a command is told to test, written as `kind` or `kind:where`.

sigma, sigma:RULES, rarity, suricata, scripted, gullible, openai:URL#MODEL, http:URL, siem:FILE,
human:FILE, mcp:URL, mcp:COMMAND, inspect:MODEL#URL, inspect:LOG, cli:FOLDER:COMMAND
"""

import shlex
from collections.abc import Iterator, Sequence
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
    found = _built_in(kind, where, stack) or (_product(kind, where, terms) if where else None)
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


def _product(  # noqa: PLR0911 - one way out for each kind
    kind: str, where: str, terms: _Terms
) -> Tool | None:
    match kind, where.partition("#"), where.partition(":"):
        case "openai", (url, "#", model), _:
            price = terms.price
            key = key_from_environment()
            return Agent(Endpoint(url=url, model=model, key=key, price_per_million_tokens=price))
        case "cli", _, (folder, ":", command):
            return CommandTool(shlex.split(command), Path(folder))
        case "http", _, _:
            return HttpTool(where, remote=terms.remote)
        case "mcp", _, ("http" | "https", _, _):
            return McpTool(where, remote=terms.remote)
        case "mcp", _, _:
            return McpTool(shlex.split(where))
        case "inspect", _, _ if where.endswith((".eval", ".json")):
            return InspectLog(Path(where))
        case "inspect", (model, _, url), _:
            return InspectModel(model, base_url=url or None)
        case "siem", _, _:
            return SiemAlerts(Path(where))
        case "human", _, _:
            return Analyst(Path(where))
        case _:
            return None
