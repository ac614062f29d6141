"""What the gateway of early access costs: CPU of its process and added latency, in one run.

    python perf/gateway.py [--calls 400] [--peer /path/to/env/with/litellm/bin/litellm]

The same trivial upstream is asked directly, through the gateway (DPoP proof, reservation, receipts
and all), and, where one is given, through a peer gateway that only passes calls on. CPU is what the
proxy's own process used, from /proc; latency is measured by one client at a time. Then many streams
run at once through the gateway. Nothing here fails by time.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

sys.path[:0] = [str(Path(__file__).parents[1] / part) for part in ("src", "tests")]

import psycopg  # noqa: E402

import early  # noqa: E402
from clearhouse.app import Settings, build  # noqa: E402
from clearhouse.formats import dpop  # noqa: E402
from clearhouse.kernel.store import embedded  # noqa: E402
from gateway_house import gateway_url  # noqa: E402

CHUNKS = 32
TICKS = os.sysconf("SC_CLK_TCK")

UPSTREAM = """
import asyncio, json, sys
import uvicorn
BASE = {"id": "c", "object": "chat.completion", "created": 1, "model": "quill-3-cyber"}
MESSAGE = {"role": "assistant", "content": "word " * 20}
CHOICE = {"index": 0, "message": MESSAGE, "finish_reason": "stop"}
USAGE = {"prompt_tokens": 5, "completion_tokens": 20, "total_tokens": 25}
PLAIN = json.dumps(BASE | {"choices": [CHOICE], "usage": USAGE}).encode()
PIECE = b"data: " + json.dumps(BASE | {"object": "chat.completion.chunk", "choices": [
    {"index": 0, "delta": {"content": "word "}, "finish_reason": None}]}).encode() + b"\\n\\n"
LAST = b"data: " + json.dumps(BASE | {"object": "chat.completion.chunk", "choices": [],
    "usage": USAGE}).encode() + b"\\n\\ndata: [DONE]\\n\\n"
async def app(scope, receive, send):
    body, more = b"", True
    while more:
        message = await receive(); body += message.get("body", b""); more = message.get("more_body")
    fields = json.loads(body)
    stream = fields.get("stream")
    pause = fields.get("seed", 0) / 1000
    kind = b"text/event-stream" if stream else b"application/json"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    if not stream:
        await send({"type": "http.response.body", "body": PLAIN}); return
    for _ in range(31):
        await send({"type": "http.response.body", "body": PIECE, "more_body": True})
        if pause: await asyncio.sleep(pause)
    await send({"type": "http.response.body", "body": LAST})
uvicorn.run(app, port=int(sys.argv[1]), log_config=None, lifespan="off", ws="none")
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, patience_s=120):
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.1)
    raise SystemExit(f"nothing listens on {port}")


@contextlib.contextmanager
def process(command, port, **environment):
    env = os.environ | environment
    with tempfile.TemporaryFile() as log:
        started = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for(port)
            yield started.pid
        finally:
            os.killpg(started.pid, signal.SIGTERM)
            started.wait(20)


def cpu_s(pid):
    """CPU of a process and its children, in seconds."""
    total = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            parts = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(folder.name) == pid or int(parts[1]) == pid:
                total += (int(parts[11]) + int(parts[12])) / TICKS
    return total


class Direct:
    """Somebody who asks without any proof."""

    def __init__(self, address, headers=None):
        self.address, self._headers = address, headers or {}

    def headers(self):
        return self._headers


class Holder:
    """Somebody with a grant; proofs are made before the clock starts."""

    def __init__(self, address, key):
        self.address, self._key, self._token, self._ready = address, key, None, []

    async def open(self, session):
        proof = dpop.prove(self._key, "POST", f"{self.address}/token", now=time.time())
        async with session.post(f"{self.address}/token", headers={"DPoP": proof}) as answer:
            self._token = (await answer.json())["access_token"]

    def prepare(self, count):
        path = f"{self.address}/v1/chat/completions"
        self._ready = [
            {
                "Authorization": f"DPoP {self._token}",
                "DPoP": dpop.prove(
                    self._key, "POST", path, now=time.time(), access_token=self._token
                ),
            }
            for _ in range(count)
        ]

    def headers(self):
        return self._ready.pop()


async def ask(session, who, *, stream, pause_ms=0):
    body = {"model": early.MODEL, "messages": [{"role": "user", "content": "hello " * 20}],
            "max_tokens": 50, "stream": stream, "seed": pause_ms}  # fmt: skip
    headers = {"Content-Type": "application/json", **who.headers()}
    begin = time.perf_counter()
    async with session.post(
        f"{who.address}/v1/chat/completions", data=json.dumps(body), headers=headers
    ) as answer:
        said = await answer.read()
        assert answer.status == 200, said[:300]
        assert not stream or b"[DONE]" in said
    return time.perf_counter() - begin


async def measure(who, pid, count, *, stream):
    """Ask one call after the other; return CPU per call in ms and the median in ms."""
    async with aiohttp.ClientSession() as session:
        if isinstance(who, Holder):
            await who.open(session)
            who.prepare(count + 20)
        for _ in range(20):
            await ask(session, who, stream=stream)
        before = cpu_s(pid)
        took = [await ask(session, who, stream=stream) for _ in range(count)]
        return (cpu_s(pid) - before) / count * 1000, statistics.median(took) * 1000


async def crowd(who, pid, streams):
    """Run many streams at once, 32 chunks 50 ms apart; return CPU per stream and the whole time."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        await who.open(session)
        who.prepare(streams)
        before, begin = cpu_s(pid), time.perf_counter()
        await asyncio.gather(*(ask(session, who, stream=True, pause_ms=50) for _ in range(streams)))
        return (cpu_s(pid) - before) / streams * 1000, time.perf_counter() - begin


def house(folder):
    """Return a store with one open window, and a grant that covers everything here."""
    folder.chmod(0o711)
    server = embedded.prepare(folder / "store", durable=True)
    server.start()
    app = build(Settings(home=folder, database_url=server.url()))
    with psycopg.connect(server.url(), autocommit=True):
        pass
    window = early.opened(app)
    held = early.granted(
        window, window.people.evaluator, token_budget=10**9, calls_per_minute=10**6,
        concurrent_calls=5000,
    )  # fmt: skip
    return app, server, held


def tell(name, plain, stream, direct):
    cpu, middle = plain
    cpu_stream, middle_stream = stream
    print(
        f"{name:10} plain: CPU {cpu:6.2f} ms, p50 {middle:6.2f} ms (+{middle - direct[0][1]:.2f})"
        f"   {CHUNKS}-chunk stream: CPU {cpu_stream:6.2f} ms, p50 {middle_stream:6.2f} ms"
        f" (+{middle_stream - direct[1][1]:.2f})"
    )


def both(who, pid, count):
    return [asyncio.run(measure(who, pid, count, stream=stream)) for stream in (False, True)]


def main():
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--calls", type=int, default=400)
    reader.add_argument("--streams", type=int, default=1000)
    reader.add_argument("--peer", help="the litellm program of an environment of its own")
    chosen = reader.parse_args()
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    )
    with tempfile.TemporaryDirectory(prefix="perf-gateway-") as name:
        folder = Path(name)
        app, server, held = house(folder)
        try:
            run(chosen, folder, app, held)
        finally:
            app.close()
            server.stop()


def run(chosen, folder, app, held):
    ports = [free_port() for _ in range(3)]
    script = folder / "upstream.py"
    script.write_text(UPSTREAM)
    upstream, own = f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}"
    with process([sys.executable, str(script), str(ports[0])], ports[0]) as pid:
        direct = both(Direct(upstream), pid, chosen.calls)
        tell("direct", *direct, direct)
        (folder / "gateway" / "database.url").write_text(gateway_url(app))
        command = [sys.executable, "-m", "clearhouse.app", "serve", "gateway",
                   "--port", str(ports[1]), "--openai", upstream]  # fmt: skip
        path = str(Path(__file__).parents[1] / "src")
        with process(command, ports[1], CLEARHOUSE_HOME=str(folder), PYTHONPATH=path) as gateway:
            time.sleep(1)
            ours = both(Holder(own, held.key), gateway, chosen.calls)
            tell("gateway", *ours, direct)
            cpu, took = asyncio.run(crowd(Holder(own, held.key), gateway, chosen.streams))
            print(f"{'':10} {chosen.streams} streams at once, 50 ms between chunks: all whole in"
                  f" {took:.1f} s, CPU {cpu:.2f} ms each")  # fmt: skip
        if chosen.peer:
            peer(chosen, folder, ports[2], upstream, direct, ours)


def peer(chosen, folder, port, upstream, direct, ours):
    settings = folder / "peer.yaml"
    settings.write_text(json.dumps({"model_list": [{"model_name": early.MODEL, "litellm_params": {
        "model": f"openai/{early.MODEL}", "api_base": f"{upstream}/v1", "api_key": "x"}}],
        "general_settings": {"master_key": "sk-peer"}}))  # fmt: skip
    command = [chosen.peer, "--config", str(settings), "--port", str(port), "--host", "127.0.0.1",
               "--telemetry", "False"]  # fmt: skip
    with process(command, port) as pid:
        time.sleep(5)
        who = Direct(f"http://127.0.0.1:{port}", {"Authorization": "Bearer sk-peer"})
        theirs = both(who, pid, max(50, chosen.calls // 4))
        tell("litellm", *theirs, direct)
        plain, stream = (one[0] / mine[0] for one, mine in zip(theirs, ours, strict=True))
        print(
            f"the peer uses {plain:.0f} times the CPU for a plain call, {stream:.0f} for a stream"
        )


if __name__ == "__main__":
    main()
