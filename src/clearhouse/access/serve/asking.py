"""Asks a model one prompt through an OpenAI-compatible completion endpoint, greedily.

In: an address, a key, a model. Out: the text of each answer. Pointed at `access connect`, the
prompts travel like any holder's calls, so the endpoint cannot tell them by where they come from.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Callable

_PATIENCE_S = 300.0


class NoAnswerError(OSError):
    """The endpoint gave no text; nothing is known of the model."""


def asker(address: str, key: str, model: str, *, chat: bool) -> Callable[[str, int], str]:
    """Return a function that asks; `chat` for models that only know conversations.

    The function raises: NoAnswerError.
    """
    path = "/v1/chat/completions" if chat else "/v1/completions"
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def ask(prompt: str, most_tokens: int) -> str:
        fields: dict[str, object] = {
            "model": model,
            "max_tokens": most_tokens,
            "temperature": 0,
            "seed": 0,
        }
        words = {"messages": [{"role": "user", "content": prompt}]} if chat else {"prompt": prompt}
        request = urllib.request.Request(  # noqa: S310 - an address that the operator gave
            address + path, json.dumps(fields | words).encode(), headers
        )
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310 - as above
                return _text(json.load(answer))
        except (urllib.error.URLError, ValueError) as error:
            raise NoAnswerError(f"the endpoint gave no answer: {error}") from error

    return ask


def _text(document: object) -> str:
    match document:
        case {"choices": [{"message": {"content": str(text)}}, *_]}:
            return text
        case {"choices": [{"text": str(text)}, *_]}:
            return text
        case _:
            raise ValueError("no choice with a text")
