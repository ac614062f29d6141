"""Split a MIME multipart body into its parts, strictly and without decoding anything.

In come the whole body and its boundary; out come the parts with their headers, in order. Refused:
a body without its boundaries, cut off, or with too many parts or too many or too large headers.
Header bytes that are no UTF-8 come out as surrogate escapes (PEP 383), for the caller to judge.
Header parameters are read as RFC 2045 writes them; the encodings of RFC 2231 and RFC 2047 are
reported as they stand and never decoded.

Source: RFC 2046 §5.1; RFC 2045 §5.1; RFC 2183 §2.
"""

import logging
import re
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, MultipartState

MAX_PARTS = 64
MAX_HEADERS = 16
MAX_HEADER_BYTES = 4096

_SILENT = logging.Logger("clearhouse.formats.multipart.silent", level=logging.CRITICAL + 1)  # noqa: LOG001
"""The parser logs what it refuses, and a stranger's bytes do not belong in a log.

It is no logger of the registry, so a later configuration of logging cannot wake it.
"""
_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - the grammar's name for a word
_VALUE = re.compile(rf"\s*({_TOKEN}(?:/{_TOKEN})?)\s*(?=;|$)")
_PARAMETER = re.compile(
    rf';\s*({_TOKEN})\s*=\s*(?:({_TOKEN})|"((?:[^"\\]|\\.)*)")\s*(?=;|$)', re.DOTALL
)
_QUOTED_PAIR = re.compile(r'\\(["\\])')
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")


class MultipartError(ValueError):
    """The body, or a header of it, is not what RFC 2046 describes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeaderValue:
    """A header such as `attachment; name=report`, taken apart."""

    value: str
    """In lower case."""
    parameters: tuple[tuple[str, str], ...] = ()
    """Names in lower case, in order, repeats kept."""

    def parameter(self, name: str) -> str | None:
        """Return the first value of a parameter."""
        return next((value for key, value in self.parameters if key == name), None)

    def repeated(self) -> str | None:
        """Return the name of a parameter that is given twice, if there is one."""
        names = [name for name, _ in self.parameters]
        return next((name for name in names if names.count(name) > 1), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One part of a body."""

    headers: tuple[tuple[str, str], ...]
    """Names in lower case, in order, repeats kept."""
    data: bytes

    def header(self, name: str) -> str | None:
        """Return the first value of a header."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(slots=True)
class _Assembly:
    """What the parser's callbacks have seen so far."""

    parts: list[Part] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    name: bytearray = field(default_factory=bytearray)
    value: bytearray = field(default_factory=bytearray)
    data: bytearray = field(default_factory=bytearray)

    def begin_part(self) -> None:
        if len(self.parts) >= MAX_PARTS:
            raise MultipartError(f"more than {MAX_PARTS} parts")
        self.headers = []
        self.data = bytearray()

    def begin_header(self) -> None:
        self.name = bytearray()
        self.value = bytearray()

    def end_header(self) -> None:
        value = self.value.decode("utf-8", "surrogateescape")
        # The parser's own grammar keeps header names to ASCII tokens.
        self.headers.append((self.name.decode("ascii").lower(), value.strip(" \t")))

    def end_part(self) -> None:
        self.parts.append(Part(headers=tuple(self.headers), data=bytes(self.data)))


def split(body: bytes, boundary: str) -> tuple[Part, ...]:
    """Split a whole body at its boundary.

    Raises: MultipartError when the body is malformed or cut off.
    """
    if not _BOUNDARY.fullmatch(boundary):
        raise MultipartError("the boundary is not 1 to 70 characters of RFC 2046")
    seen = _Assembly()
    parser = MultipartParser(
        boundary,
        callbacks={
            "on_part_begin": seen.begin_part,
            "on_part_data": lambda data, start, end: seen.data.extend(data[start:end]),
            "on_part_end": seen.end_part,
            "on_header_begin": seen.begin_header,
            "on_header_field": lambda data, start, end: seen.name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: seen.value.extend(data[start:end]),
            "on_header_end": seen.end_header,
        },
        max_header_count=MAX_HEADERS,
        max_header_size=MAX_HEADER_BYTES,
    )
    parser.logger = _SILENT
    try:
        parser.write(_from_first_boundary(body, boundary))
        parser.finalize()
    except FormParserError:
        raise MultipartError("not a multipart body with this boundary") from None
    if parser.state is not MultipartState.END:
        raise MultipartError("the body ends before its closing boundary")
    return tuple(seen.parts)


def _from_first_boundary(body: bytes, boundary: str) -> bytes:
    """Drop the preamble, which RFC 2046 §5.1.1 tells readers to ignore."""
    delimiter = b"--" + boundary.encode("ascii")
    if body.startswith(delimiter):
        return body
    start = body.find(b"\r\n" + delimiter)
    if start == -1:
        raise MultipartError("no boundary line found")
    return body[start + 2 :]


def read_header(text: str) -> HeaderValue:
    """Take a header value and its parameters apart.

    Raises: MultipartError when the text does not follow the grammar.
    """
    found = _VALUE.match(text)
    if found is None:
        raise MultipartError("a malformed header value")
    position = found.end()
    parameters: list[tuple[str, str]] = []
    while position < len(text):
        parameter = _PARAMETER.match(text, position)
        if parameter is None:
            raise MultipartError("a malformed header parameter")
        name, token, quoted = parameter.groups()
        value = token if token is not None else _QUOTED_PAIR.sub(r"\1", quoted)
        parameters.append((name.lower(), value))
        position = parameter.end()
    return HeaderValue(value=found.group(1).lower(), parameters=tuple(parameters))
