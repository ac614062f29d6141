"""Read one JSON document from a stranger's bytes, or say exactly why not.

In comes a byte string; out comes the parsed value. Refused, with a code and a place: another
encoding than UTF-8, more than one document, a key given twice, nesting beyond a limit, NaN and
Infinity, numbers no double or ordinary integer holds, half surrogates, and too many bytes. No
refusal quotes the document, except for the names of the fields on the way to the place.

Source: RFC 8259; RFC 7493 (I-JSON) §2.1, §2.2 and §2.3; RFC 6901 for the places.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import NoReturn, cast

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

MAX_NUMBER_CHARS = 400
"""Digits of the longest number that is read; the largest double has 309."""
MAX_PLACE_CHARS = 200

_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_HALF_SURROGATE = re.compile("[\ud800-\udfff]")
_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "UTF-8"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))


class JsonFault(StrEnum):
    """Why a document was refused; a shipped code is never renamed."""

    TOO_LARGE = "too_large"
    EMPTY = "empty"
    NOT_UTF8 = "not_utf8"
    BYTE_ORDER_MARK = "byte_order_mark"
    SYNTAX = "syntax"
    TRAILING_DATA = "trailing_data"
    TOO_DEEP = "too_deep"
    DUPLICATE_KEY = "duplicate_key"
    NUMBER_OUT_OF_RANGE = "number_out_of_range"
    HALF_SURROGATE = "half_surrogate"


class StrictJsonError(ValueError):
    """The document is not JSON that every reader would read alike."""

    def __init__(self, code: JsonFault, reason: str, *, place: str = "") -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
        self.place = place[:MAX_PLACE_CHARS]
        """JSON pointer to the value, or `byte N`; empty when it is the whole document."""


class Repeats(StrEnum):
    """Where a key given twice is refused; elsewhere its last value counts."""

    EVERYWHERE = "everywhere"
    NOWHERE = "nowhere"


class RepeatingObject(dict[str, "Json"]):
    """An object whose source gave a key twice; only with `Repeats.NOWHERE`."""

    repeated: str = ""
    """The first key that was given again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Strictness:
    """The limits of one reading."""

    max_bytes: int = 16 * 1024 * 1024
    max_depth: int = 64
    """Objects and arrays inside each other; the document's own object is the first."""
    repeats: Repeats = Repeats.EVERYWHERE
    half_surrogates: bool = False
    """Let through strings with half a surrogate pair; the caller then checks each."""
    byte_order_mark: bool = False
    """Skip a UTF-8 byte order mark, which files from Windows tools begin with."""


def parse(data: bytes, strictness: Strictness = Strictness()) -> Json:
    """Parse exactly one JSON document.

    Raises: StrictJsonError with a machine code and the place.
    """
    text = _decode(data, strictness)
    if data.count(b"[") + data.count(b"{") > strictness.max_depth:
        _refuse_depth(data, strictness.max_depth)
    repeating: list[RepeatingObject] = []
    value = _load(text, repeating)
    if repeating and strictness.repeats is Repeats.EVERYWHERE:
        _refuse_repeats(value)
    if not strictness.half_surrogates and _SURROGATE_ESCAPE.search(text):
        _refuse_half_surrogates(value)
    return value


def walk(value: Json) -> Iterator[tuple[str, Json]]:
    """Visit every value inside `value`, outermost first, each with its JSON pointer."""
    pending: list[tuple[str, Json]] = [("", value)]
    while pending:
        place, current = pending.pop()
        yield place, current
        if isinstance(current, dict):
            for key, inner in current.items():
                pending.append((f"{place}/{pointer_step(key)}", inner))
        elif isinstance(current, list):
            pending.extend((f"{place}/{index}", inner) for index, inner in enumerate(current))


def pointer_step(key: str) -> str:
    """Write one key as a JSON pointer step, printable whatever the key holds.

    Source: RFC 6901 §3.
    """
    if not key.isprintable():
        key = key.encode("ascii", "backslashreplace").decode("ascii")
        key = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in key)
    return key.replace("~", "~0").replace("/", "~1")


def _decode(data: bytes, strictness: Strictness) -> str:
    if len(data) > strictness.max_bytes:
        raise StrictJsonError(
            JsonFault.TOO_LARGE, f"{len(data)} bytes; at most {strictness.max_bytes} are read"
        )
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            if encoding == "UTF-8" and strictness.byte_order_mark:
                data = data[len(mark) :]
                break
            raise StrictJsonError(
                JsonFault.BYTE_ORDER_MARK if encoding == "UTF-8" else JsonFault.NOT_UTF8,
                f"begins with a {encoding} byte order mark; send plain UTF-8",
                place="byte 0",
            )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StrictJsonError(
            JsonFault.NOT_UTF8, "not UTF-8; send the document as UTF-8", place=f"byte {error.start}"
        ) from None
    if not text.strip(" \t\r\n"):
        raise StrictJsonError(JsonFault.EMPTY, "no document; send one JSON object")
    return text


def _load(text: str, repeating: list[RepeatingObject]) -> Json:
    def collect(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        members = dict(pairs)
        if len(members) == len(pairs):
            return members
        repeating.append(_repeating(pairs))
        return repeating[-1]

    try:
        value: object = json.loads(
            text,
            object_pairs_hook=collect,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_integer,
        )
    except json.JSONDecodeError as error:
        place = f"byte {len(text[: error.pos].encode())}"
        if error.msg == "Extra data":
            raise StrictJsonError(
                JsonFault.TRAILING_DATA, "text after the end of the document", place=place
            ) from None
        raise StrictJsonError(JsonFault.SYNTAX, f"not JSON: {error.msg}", place=place) from None
    except RecursionError:
        raise StrictJsonError(JsonFault.TOO_DEEP, "nested deeper than is read") from None
    return cast("Json", value)


def _repeating(pairs: list[tuple[str, Json]]) -> RepeatingObject:
    members = RepeatingObject(pairs)
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            members.repeated = key
            break
        seen.add(key)
    return members


def _constant(name: str) -> NoReturn:
    raise StrictJsonError(JsonFault.SYNTAX, f"{name} is not a JSON number")


def _float(digits: str) -> float:
    number = float(digits) if len(digits) <= MAX_NUMBER_CHARS else math.inf
    if math.isinf(number):
        raise StrictJsonError(JsonFault.NUMBER_OUT_OF_RANGE, "a number too large for a double")
    return number


def _integer(digits: str) -> int:
    if len(digits) > MAX_NUMBER_CHARS:
        raise StrictJsonError(
            JsonFault.NUMBER_OUT_OF_RANGE, f"a number of more than {MAX_NUMBER_CHARS} digits"
        )
    return int(digits)


def _refuse_repeats(value: Json) -> NoReturn:
    place = next(
        f"{place}/{pointer_step(current.repeated)}"
        for place, current in walk(value)
        if isinstance(current, RepeatingObject)
    )
    raise StrictJsonError(JsonFault.DUPLICATE_KEY, f"{place} is given twice", place=place)


def _refuse_half_surrogates(value: Json) -> None:
    for place, current in walk(value):
        keys = current if isinstance(current, dict) else ()
        if any(map(_HALF_SURROGATE.search, keys)) or (
            isinstance(current, str) and _HALF_SURROGATE.search(current)
        ):
            raise StrictJsonError(
                JsonFault.HALF_SURROGATE, "half a surrogate pair is not a character", place=place
            )


def _refuse_depth(data: bytes, max_depth: int) -> None:
    brackets = _STRINGS.sub(b"", data).translate(None, _NOT_BRACKETS)
    if max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > max_depth:
        raise StrictJsonError(
            JsonFault.TOO_DEEP,
            f"nested deeper than {max_depth} levels",
            place=_deep_member(data, max_depth),
        )


def _deep_member(data: bytes, max_depth: int) -> str:
    """Name the outermost member under which the nesting passes the limit."""
    depth, key, fresh = 0, b"", True
    for token in _TOKENS.finditer(data):
        first = token.group()[:1]
        if first == b'"':
            key, fresh = (token.group(), False) if depth == 1 and fresh else (key, fresh)
        elif first == b",":
            fresh = fresh or depth == 1
        else:
            depth += _STEP[first[0]]
        if depth > max_depth:
            break
    return f"/{pointer_step(key[1:-1].decode('utf-8', 'replace'))}" if key else ""
