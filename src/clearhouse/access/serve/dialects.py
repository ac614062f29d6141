"""What a call asks for and what an answer says, in the words of each endpoint.

In: the body of a request, or a piece of an answer. Out: the model, the most tokens it can cost, and
whether it streams; or the model that answered, the tokens used and the text. Refused: a request
that is no JSON object, names no model, or has no upper bound.
A token is at least one byte, so the bytes of a request bound its tokens from above; what is not in
the body (a remote picture, a stored conversation) is refused, because nothing bounds it.
Source: the OpenAI and Anthropic HTTP APIs, as their official clients of 2026 speak them.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from clearhouse.access.serve.refusals import Code, RefusedCallError
from clearhouse.formats.strict_json import StrictJsonError, Strictness, parse

Fields = Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """One address that can be granted."""

    name: str
    path: str
    vendor: str
    """Whose API it is: `openai` or `anthropic`."""
    bounds: tuple[str, ...] = ()
    """Fields that bound the answer's tokens; none: the endpoint answers without tokens."""
    answers: bool = True
    """Whether the answer is text of the model."""
    states_model: bool = True
    last_event: bytes | None = None
    """What the last event of a whole stream contains; None: it does not stream."""


ENDPOINTS: Mapping[str, Endpoint] = {
    one.path: one
    for one in (
        Endpoint(
            name="openai.chat",
            path="/v1/chat/completions",
            vendor="openai",
            bounds=("max_completion_tokens", "max_tokens"),
            last_event=b"[DONE]",
        ),
        Endpoint(
            name="openai.completions",
            path="/v1/completions",
            vendor="openai",
            bounds=("max_tokens",),
            last_event=b"[DONE]",
        ),
        Endpoint(
            name="openai.responses",
            path="/v1/responses",
            vendor="openai",
            bounds=("max_output_tokens",),
            last_event=b'"response.',
        ),
        Endpoint(name="openai.embeddings", path="/v1/embeddings", vendor="openai", answers=False),
        Endpoint(
            name="anthropic.messages",
            path="/v1/messages",
            vendor="anthropic",
            bounds=("max_tokens",),
            last_event=b'"message_stop"',
        ),
        Endpoint(
            name="anthropic.count_tokens",
            path="/v1/messages/count_tokens",
            vendor="anthropic",
            answers=False,
            states_model=False,
        ),
    )
}
"""By path; everything else is no endpoint."""

_FINAL_RESPONSE = {"response.completed", "response.incomplete", "response.failed"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a request asks for."""

    model: str
    stream: bool
    most_tokens: int
    """In and out together, at most."""


def asked(endpoint: Endpoint, body: bytes, refused_fields: frozenset[str]) -> Asked:
    """Read a request.

    Raises: RefusedCallError.
    """
    try:
        fields = parse(body, Strictness(max_bytes=len(body)))
    except StrictJsonError as error:
        raise RefusedCallError(Code.BODY, error.code.value) from error
    if not isinstance(fields, dict):
        raise RefusedCallError(Code.BODY, "not an object")
    model, stream = fields.get("model"), fields.get("stream", False)
    if not isinstance(model, str):
        raise RefusedCallError(Code.MODEL, "no model is named")
    named = sorted(refused_fields & fields.keys())
    if fields.get("store") is True:
        named.append("store")
    if named:
        raise RefusedCallError(Code.FIELD, ", ".join(named))
    if _remote(fields):
        raise RefusedCallError(Code.FIELD, "content at a remote address")
    if not isinstance(stream, bool) or (stream and endpoint.last_event is None):
        raise RefusedCallError(Code.FIELD, "stream")
    return Asked(
        model=model, stream=stream, most_tokens=len(body) + _bound(endpoint, cast("Fields", fields))
    )


def _bound(endpoint: Endpoint, fields: Fields) -> int:
    if not endpoint.bounds:
        return 0
    stated = [fields[name] for name in endpoint.bounds if fields.get(name) is not None]
    copies = [fields.get(name) or 1 for name in ("n", "best_of")]
    whole = [one for one in (*stated, *copies) if isinstance(one, int) and one > 0]
    if not stated or len(whole) != len(stated) + 2 or any(one is True for one in whole):
        raise RefusedCallError(Code.MAX_TOKENS, f"set {endpoint.bounds[0]}")
    return max(whole[: len(stated)]) * max(whole[len(stated) :])


def _remote(value: object) -> bool:
    """Say whether content lies at an address: its size, and so its tokens, are not in the body."""
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            for key, inner in one.items():
                if key in {"url", "image_url", "file_url"} and _is_address(inner):
                    return True
                pending.append(inner)
        elif isinstance(one, list):
            pending.extend(one)
    return False


def _is_address(value: object) -> bool:
    return isinstance(value, str) and value.lstrip()[:8].lower().startswith(("http:", "https:"))


@dataclass(slots=True)
class Answer:
    """What an answer has said so far."""

    models: set[str]
    tokens_in: int | None = None
    tokens_out: int | None = None
    fingerprint: str | None = None
    finished: bool = False

    @property
    def tokens(self) -> int | None:
        """Tokens in and out as the endpoint counts them; None when it does not say."""
        if self.tokens_in is None and self.tokens_out is None:
            return None
        return (self.tokens_in or 0) + (self.tokens_out or 0)

    def take(self, endpoint: Endpoint, fields: Fields) -> str:
        """Take a whole answer or one event of a stream; return the text in it."""
        inner = _inner(fields)
        model = inner.get("model")
        if isinstance(model, str):
            self.models.add(model)
        mark = inner.get("system_fingerprint")
        self.fingerprint = mark if isinstance(mark, str) else self.fingerprint
        for part in (fields.get("usage"), inner.get("usage")):
            if isinstance(part, dict):
                self._count(cast("Fields", part))
        if endpoint.vendor == "anthropic" or "response" in fields:
            kind = fields.get("type")
            self.finished = self.finished or kind == "message_stop" or kind in _FINAL_RESPONSE
        return _text(fields)

    def _count(self, usage: Fields) -> None:
        ways_in = (
            "prompt_tokens",
            "input_tokens",
            "cache_creation_input_tokens",
            "cache_read_input_tokens",
        )
        into, out = _sum(usage, ways_in), _sum(usage, ("completion_tokens", "output_tokens"))
        if into is None and out is None:
            into = _sum(usage, ("total_tokens",))
        self.tokens_in = _larger(self.tokens_in, into)
        self.tokens_out = _larger(self.tokens_out, out)


def _inner(fields: Fields) -> Fields:
    """Return the part that names the model: Anthropic's and the Responses API's first events."""
    for name in ("message", "response"):
        part = fields.get(name)
        if isinstance(part, dict):
            return cast("Fields", part)
    return fields


def _sum(usage: Fields, names: Sequence[str]) -> int | None:
    found = [
        value
        for name in names
        if isinstance(value := usage.get(name), int) and value >= 0 and value is not True
    ]
    return sum(found) if found else None


def _larger(one: int | None, other: int | None) -> int | None:
    return max(one or 0, other) if other is not None else one


def read_json(data: bytes) -> Fields | None:
    """Read a JSON object that the model's endpoint sent; None when it is none."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return cast("Fields", value) if isinstance(value, dict) else None


def event_data(events: bytes) -> Iterator[bytes]:
    """Yield the data of each event of a stream. Source: WHATWG HTML §9.2, event streams."""
    for line in events.splitlines():
        if line.startswith(b"data:"):
            yield line[5:].strip()


def _text(fields: Fields) -> str:
    """Return the text of an answer or an event, of whichever dialect."""
    found: list[str] = []
    pending: list[object] = [
        fields.get(name) for name in ("choices", "content", "delta", "content_block", "output")
    ]
    while pending:
        one = pending.pop(0)
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, list):
            pending[:0] = one
        elif isinstance(one, dict):
            names = ("message", "delta", "content", "text", "arguments", "partial_json",
                     "reasoning_content", "thinking", "tool_calls", "function")  # fmt: skip
            pending[:0] = [one[name] for name in names if name in one]
    return "".join(found)
