"""Which tools a command is told to test, written as `kind` or `kind:where`.

sigma, sigma:RULES, rarity, suricata, scripted, gullible, openai:URL#MODEL, http:URL, siem:FILE,
human:FILE, mcp:URL, mcp:COMMAND, cli:FOLDER:COMMAND
"""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from clearhouse.defense.enroll.agent import Agent, Endpoint, key_from_environment
from clearhouse.defense.enroll.cli import CommandTool
from clearhouse.defense.enroll.http import HttpTool
from clearhouse.defense.enroll.human import Analyst
from clearhouse.defense.enroll.mcp import McpTool, StdioServerParameters
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
        yield [_tool(one, stack, price=price, remote=remote) for one in specs]


def _tool(  # noqa: PLR0911 - one way out for each kind
    spec: str, stack: ExitStack, *, price: float | None, remote: bool
) -> Tool:
    kind, _, where = spec.partition(":")
    match kind:
        case "sigma":
            return sigma_of([Path(where)] if where else [])
        case "rarity":
            return Rarity()
        case "suricata":
            return Sensor()
        case "scripted" | "gullible":
            return stack.enter_context(scripted_agent(gullible=kind == "gullible"))
        case "openai" if "#" in where:
            url, _, model = where.partition("#")
            key = key_from_environment()
            return Agent(Endpoint(url=url, model=model, key=key, price_per_million_tokens=price))
        case "http" if where:
            return HttpTool(where, remote=remote)
        case "mcp" if where.startswith(("http://", "https://")):
            return McpTool(where, remote=remote)
        case "mcp" if where:
            program, *arguments = shlex.split(where)
            return McpTool(StdioServerParameters(command=program, args=arguments))
        case "siem" if where:
            return SiemAlerts(Path(where))
        case "human" if where:
            return Analyst(Path(where))
        case "cli" if ":" in where:
            folder, _, command = where.partition(":")
            return CommandTool(shlex.split(command), Path(folder))
        case _:
            raise click.UsageError(f"{spec} is no tool; see `clearhouse defense run --help`")
