"""`clearhouse serve`: one process of the installation.

The counter takes in and shows what is public; the desk works; the worker clears in the
background, and the validator examines in depth, a report a processor. Each is a process of its own,
so that a fault or an intruder in one is not in the others. `clearhouse up` runs and watches all.
"""

import importlib.util
import os
from collections.abc import Sequence
from urllib.parse import urlsplit

import click
import uvicorn
from starlette.types import ASGIApp

from clearhouse.clearing.validate import examination
from clearhouse.kernel.services import App, Counter
from clearhouse.kernel.tidying import tidy_seldom
from clearhouse.surfaces.api import access as access_api
from clearhouse.surfaces.api import appeals as appeals_api
from clearhouse.surfaces.api import cases as cases_api
from clearhouse.surfaces.api import counter as counter_api
from clearhouse.surfaces.api import criteria as criteria_api
from clearhouse.surfaces.api import deconflict as deconflict_api
from clearhouse.surfaces.api import defense as defense_api
from clearhouse.surfaces.api import desk as desk_api
from clearhouse.surfaces.api import detections as detections_api
from clearhouse.surfaces.api import invitations as invitations_api
from clearhouse.surfaces.api import leases as leases_api
from clearhouse.surfaces.api import reach as reach_api
from clearhouse.surfaces.api import reaching as reaching_api
from clearhouse.surfaces.api import read_ins as read_ins_api
from clearhouse.surfaces.api import relays as relays_api
from clearhouse.surfaces.api import threads as threads_api
from clearhouse.surfaces.api.requests import HourlyQuota
from clearhouse.surfaces.cli.main import Connect
from clearhouse.surfaces.web import counter as counter_pages
from clearhouse.surfaces.web import desk as desk_pages
from clearhouse.surfaces.web.counter.front_door import FrontDoor

COUNTER_PORT, DESK_PORT, GATEWAY_PORT = 8440, 8441, 8442
REPORTS_PER_HOUR = 5000
CALLS_PER_HOUR = 2000


@click.group("serve")
def command() -> None:
    """Run one process: counter, desk, worker, or validator."""


@command.command("counter")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=COUNTER_PORT, show_default=True)
@click.option("--reports-per-hour", default=REPORTS_PER_HOUR, show_default=True,
              help="Quota of each token's owner.")  # fmt: skip
@click.option("--calls-per-hour", default=CALLS_PER_HOUR, show_default=True,
              help="Quota of each agent, by its token or its address.")  # fmt: skip
@click.option("--name", "names", multiple=True,
              help="A further host that agents call it by.")  # fmt: skip
@click.pass_obj
def counter(
    connect: Connect,
    host: str,
    port: int,
    reports_per_hour: int,
    calls_per_hour: int,
    names: tuple[str, ...],
) -> None:
    """Serve the counter: API, public pages, and the agents' entrance at /mcp."""
    application = counter_application(
        connect.counter(),
        reports_per_hour=reports_per_hour,
        calls_per_hour=calls_per_hour,
        hosts=(*names, *_own_names()),
    )
    _serve(application, host, port)


@command.command("desk")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=DESK_PORT, show_default=True)
@click.pass_obj
def desk(connect: Connect, host: str, port: int) -> None:
    """Serve the desk: pages and API for those who work on reports."""
    _serve(desk_application(connect()), host, port)


@command.command("worker")
@click.option("--concurrency", default=1, show_default=True)
@click.pass_obj
def worker(connect: Connect, concurrency: int) -> None:
    """Clear reports, seal the ledger and publish what is due, until stopped."""
    app = connect()
    app.desk.jobs.run(app.desk.database.url, concurrency=concurrency)


@command.command("validator")
@click.option("--concurrency", default=os.cpu_count() or 1, show_default=True)
@click.pass_obj
def validator(connect: Connect, concurrency: int) -> None:
    """Examine reports in depth, until stopped; strangers' code runs in the sandbox alone."""
    desk = connect().desk
    desk.jobs.run(desk.database.url, queue=examination.QUEUE, concurrency=concurrency)


@command.command("gateway")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=GATEWAY_PORT, show_default=True)
@click.option("--public-url", help="How callers address it; http://HOST:PORT when not given.")
@click.option("--openai", help="Address of the model's OpenAI-compatible API, without /v1.")
@click.option("--anthropic", help="Address of the model's Anthropic-compatible API, without /v1.")
@click.pass_obj
def gateway(
    connect: Connect,
    host: str,
    port: int,
    public_url: str | None,
    openai: str | None,
    anthropic: str | None,
) -> None:
    """Serve early access to one model; its keys are in CLEARHOUSE_OPENAI_KEY and _ANTHROPIC_KEY."""
    # Only this command needs the gateway's packages.
    from clearhouse.access.serve.gateway import Gateway, GatewaySettings  # noqa: PLC0415
    from clearhouse.access.serve.upstream import Place  # noqa: PLC0415

    addresses = {"openai": openai, "anthropic": anthropic}
    places = {
        vendor: Place(
            address=address.rstrip("/"), key=os.environ.get(f"CLEARHOUSE_{vendor.upper()}_KEY")
        )
        for vendor, address in addresses.items()
        if address
    }
    if not places:
        raise click.UsageError("name the model's endpoint: --openai or --anthropic")
    home = connect.gateway()
    settings = GatewaySettings(
        database_url=home.database_url,
        public_url=(public_url or f"http://{host}:{port}").rstrip("/"),
        folder=home.folder,
        places=places,
    )
    # Proxy headers are not believed: who calls is who connects.
    uvicorn.run(Gateway(settings), host=host, port=port, log_config=None, access_log=False,
                server_header=False, proxy_headers=False, lifespan="on", ws="none",
                timeout_graceful_shutdown=5)  # fmt: skip


def counter_application(
    services: Counter,
    *,
    reports_per_hour: int,
    calls_per_hour: int = CALLS_PER_HOUR,
    hosts: Sequence[str] = (),
) -> ASGIApp:
    """Return API, pages and agents' entrance of the counter as one ASGI application."""
    quota = HourlyQuota(services.database.clock, reports_per_hour)
    api = counter_api.application(services, quota)
    pages = counter_pages.application(services, quota=quota)
    if importlib.util.find_spec("mcp") is None:
        click.echo("clearhouse: no agents' entrance: the packages `agents` are missing", err=True)
        return FrontDoor(api, pages)
    # Only a counter with the extra `agents` loads it.
    from clearhouse.surfaces.mcp.http import AgentsDoor  # noqa: PLC0415

    calls = HourlyQuota(services.database.clock, calls_per_hour, of="calls")
    agents = AgentsDoor(services, quota, calls, hosts)
    return FrontDoor(api, pages, agents, agents.open)


def _own_names() -> tuple[str, ...]:
    """Return the host that others know the counter by, as requests name it."""
    parts = urlsplit(os.environ.get("CLEARHOUSE_COUNTER_ADDRESS", ""))
    return (parts.netloc.rpartition("@")[2],) if parts.netloc else ()


def desk_application(app: App) -> ASGIApp:
    """Return pages and API of the desk as one ASGI application."""
    routers = [
        desk_api.router,
        cases_api.router,
        read_ins_api.router,
        reaching_api.router,
        appeals_api.router,
        invitations_api.router,
        threads_api.router,
        relays_api.router,
        deconflict_api.router,
        leases_api.router,
        access_api.router,
        criteria_api.router,
        defense_api.router,
        reach_api.router,
        detections_api.router,
    ]
    secure = app.desk.outside.desk_address.startswith("https://")
    return desk_pages.application(app.desk, also=routers, secure=secure)


def _serve(application: ASGIApp, host: str, port: int) -> None:
    tidy_seldom()
    # No access log: its lines would hold receipts, which open a status.
    uvicorn.run(application, host=host, port=port, log_config=None, access_log=False,
                server_header=False, timeout_graceful_shutdown=5)  # fmt: skip
