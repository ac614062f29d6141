"""A model's endpoint that does what it is told: OpenAI and Anthropic dialects, honest or not.

Asked with the words of a script in the last user message: `say N` answers N words; `lie` answers as
another model; `die` breaks off; `late S` waits; `mute` names no model; `junk` sends no JSON;
`overshoot` reports more tokens than were allowed; `swap` changes the model inside a stream.
"""

import asyncio
import contextlib
import json
import socket
import threading
import time

import uvicorn

MODEL = "quill-3-cyber-2026-11-20"


class ScriptedModel:
    """An ASGI application; `served` holds every request that reached it."""

    def __init__(self, model=MODEL):
        self.model = model
        self.served = []
        self.answers = {}
        """Fixed texts by prompt, for fingerprints."""

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        fields = json.loads(body)
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        self.served.append((scope["path"], headers, fields, body))
        anthropic = scope["path"].startswith("/v1/messages")
        prompt = _prompt(fields)
        words = prompt.split()
        verb = words[0] if words else "say"
        argument = float(words[1]) if len(words) > 1 and words[1].replace(".", "").isdigit() else 3
        if verb == "late":
            await asyncio.sleep(argument)
        if verb == "refuse":
            await _answer(send, b'{"error": {"message": "context too long", "type": "x"}}', 400)
            return
        if verb == "crash":
            await _answer(send, b"Internal", 500, b"text/plain")
            return
        if verb == "junk":
            await _answer(send, b"<html>not json</html>", 200, b"text/html")
            return
        model = {"lie": "quill-2-mini", "mute": None}.get(verb, self.model)
        text = self.answers.get(prompt) or " ".join(["word"] * int(argument))
        if prompt.startswith("echo "):
            text = prompt[5:]
        used = 10_000_000 if verb == "overshoot" else len(text.split())
        if fields.get("stream"):
            await self._stream(send, anthropic, model, text, used, verb)
        else:
            await _answer(
                send, json.dumps(_whole(anthropic, model, text, used, fields)).encode(), 200
            )

    async def _stream(self, send, anthropic, model, text, used, verb):
        head = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        events = list(_events(anthropic, model, text, used))
        if verb == "die":
            events = events[: len(events) // 2]
        if verb == "swap":
            events[-2] = 'data: {"model": "quill-2-mini", "choices": [], "type": "x"}\n\n'
        if verb == "garble":
            events[2] = "data: {this is not json\n\n"
        for event in events:
            await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
            if verb in {"slow", "die", "swap", "garble"}:
                await asyncio.sleep(0.05)
        if verb == "die":
            raise ConnectionError
        await send({"type": "http.response.body", "body": b""})


def _prompt(fields):
    if isinstance(fields.get("input"), str):
        return fields["input"]
    content = (fields.get("messages") or [{"content": fields.get("prompt", "")}])[-1]["content"]
    return content if isinstance(content, str) else "".join(p.get("text", "") for p in content)


async def _answer(send, body, status, kind=b"application/json"):
    head = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})


def _whole(anthropic, model, text, used, fields):
    named = {} if model is None else {"model": model}
    if anthropic:
        return {
            "id": "msg_1", "type": "message", "role": "assistant", **named,
            "content": [{"type": "text", "text": text}], "stop_reason": "end_turn",
            "stop_sequence": None, "usage": {"input_tokens": 5, "output_tokens": used},
        }  # fmt: skip
    message = {"role": "assistant", "content": text}
    if fields.get("tools"):
        call = {"name": fields["tools"][0]["function"]["name"], "arguments": '{"a": 1}'}
        message = {
            "role": "assistant", "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": call}],
        }  # fmt: skip
    return {
        "id": "c1", "object": "chat.completion", "created": 1, **named,
        "system_fingerprint": "fp_7",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": used, "total_tokens": 5 + used},
    }  # fmt: skip


def _events(anthropic, model, text, used):
    words = [word + " " for word in text.split()]
    if anthropic:
        start = {"id": "msg_1", "type": "message", "role": "assistant", "model": model,
                 "content": [], "stop_reason": None, "stop_sequence": None,
                 "usage": {"input_tokens": 5, "output_tokens": 1}}  # fmt: skip
        yield _event("message_start", {"message": start})
        block = {"index": 0, "content_block": {"type": "text", "text": ""}}
        yield _event("content_block_start", block)
        for word in words:
            delta = {"type": "text_delta", "text": word}
            yield _event("content_block_delta", {"index": 0, "delta": delta})
        yield _event("content_block_stop", {"index": 0})
        delta = {"stop_reason": "end_turn", "stop_sequence": None}
        yield _event("message_delta", {"delta": delta, "usage": {"output_tokens": used}})
        yield _event("message_stop", {})
        return
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1}
    base |= {} if model is None else {"model": model}
    for word in words:
        choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
        yield f"data: {json.dumps(base | {'choices': [choice]})}\n\n"
    last = {"index": 0, "delta": {}, "finish_reason": "stop"}
    yield f"data: {json.dumps(base | {'choices': [last]})}\n\n"
    usage = {"prompt_tokens": 5, "completion_tokens": used, "total_tokens": 5 + used}
    yield f"data: {json.dumps(base | {'choices': [], 'usage': usage})}\n\n"
    yield "data: [DONE]\n\n"


def _event(kind, fields):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def served(application, port=None, *, lifespan="off"):
    """Serve an ASGI application on loopback, in a thread, and yield its address."""
    port = port or free_port()
    config = uvicorn.Config(
        application, host="127.0.0.1", port=port, log_config=None, lifespan=lifespan,
        proxy_headers=False, timeout_graceful_shutdown=1, ws="none",
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline, "did not start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
