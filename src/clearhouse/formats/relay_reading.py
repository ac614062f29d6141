"""Reads the bytes of an envelope.

In: bytes from a peer. Out: the envelope. Refused with `RelayError`, which names the place and never
quotes: another version, a field of another shape, an original whose SHA-256 is not the one beside
it, instants that are not whole UTC seconds, more than the limits allow. Fields that this version
does not know are kept.
Source: as `formats.relay`; RFC 8259 and RFC 7493 by `strict_json`.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar, cast

from clearhouse.formats.canonical import Json, canonical_bytes
from clearhouse.formats.relay import (
    INSTANT,
    MOST_BYTES,
    VERSION,
    Claim,
    Envelope,
    File,
    Finder,
    Hop,
    Kind,
    Original,
    Outcome,
    Provenance,
    Terms,
)
from clearhouse.formats.strict_json import StrictJsonError, Strictness, parse
from clearhouse.formats.tlp import Tlp

_T = TypeVar("_T")


class RelayError(ValueError):
    """The bytes are no envelope of this version; the message names the place."""


def read(data: bytes) -> Envelope:
    """Return the envelope that these bytes are.

    Raises: RelayError.
    """
    try:
        document = parse(data, Strictness(max_bytes=MOST_BYTES, max_depth=64))
    except StrictJsonError as error:
        raise RelayError(f"no envelope: {error.reason}") from error
    return _envelope(_Fields.of(document, ""))


class _Fields:
    """The members of one object, taken one by one; what nobody took is left over."""

    def __init__(self, members: dict[str, Json], place: str) -> None:
        self._left = dict(members)
        self._place = place

    @classmethod
    def of(cls, value: object, place: str) -> "_Fields":
        if not isinstance(value, dict):
            raise RelayError(f"{place or 'the envelope'} is no object")
        return cls(value, place)

    def text(self, name: str, *, most: int = 1000) -> str:
        found = self.maybe(name, most=most)
        if found is None:
            raise RelayError(f"{self._at(name)} is missing")
        return found

    def maybe(self, name: str, *, most: int = 1000) -> str | None:
        value = self._left.pop(name, None)
        if value is not None and (not isinstance(value, str) or not 0 < len(value) <= most):
            raise RelayError(f"{self._at(name)} is no text of at most {most} characters")
        return value

    def number(self, name: str) -> int:
        value = self._left.pop(name, None)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**31:
            raise RelayError(f"{self._at(name)} is no whole number from 1")
        return value

    def instant(self, name: str) -> datetime:
        found = self.maybe_instant(name)
        if found is None:
            raise RelayError(f"{self._at(name)} is missing")
        return found

    def maybe_instant(self, name: str) -> datetime | None:
        written = self.maybe(name, most=20)
        if written is None:
            return None
        try:
            at = datetime.strptime(written, INSTANT).replace(tzinfo=UTC)
        except ValueError as error:
            raise RelayError(f"{self._at(name)} is no instant like 2026-11-27T08:00:00Z") from error
        if at.strftime(INSTANT) != written:
            raise RelayError(f"{self._at(name)} is no instant like 2026-11-27T08:00:00Z")
        return at

    def data(self, name: str) -> bytes:
        value = self._left.pop(name, None)
        if not isinstance(value, str):
            raise RelayError(f"{self._at(name)} is no base64")
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise RelayError(f"{self._at(name)} is no base64") from error

    def choice(self, name: str, kind: Callable[[str], _T]) -> _T:
        written = self.text(name)
        try:
            return kind(written)
        except ValueError as error:
            raise RelayError(f"{self._at(name)} is none of the values of this version") from error

    def object(self, name: str) -> "_Fields | None":
        value = self._left.pop(name, None)
        return None if value is None else _Fields.of(value, self._at(name))

    def mapping(self, name: str) -> dict[str, Json] | None:
        value = self._left.pop(name, None)
        if value is not None and not isinstance(value, dict):
            raise RelayError(f"{self._at(name)} is no object")
        self._demand_canonical(value, name)
        return cast("dict[str, Json] | None", value)

    def each(
        self, name: str, take: "Callable[[_Fields], _T]", *, most: int = 100
    ) -> tuple[_T, ...]:
        found = self._list(name, most)
        return tuple(
            take(_Fields.of(one, f"{self._at(name)}/{place}")) for place, one in enumerate(found)
        )

    def texts(self, name: str, *, most: int = 100) -> tuple[str, ...]:
        found = self._list(name, most)
        if not all(isinstance(one, str) and 0 < len(one) <= 2000 for one in found):
            raise RelayError(f"{self._at(name)} holds something that is no text")
        return cast("tuple[str, ...]", tuple(found))

    def rest(self) -> Mapping[str, Json]:
        """Return what was not taken."""
        self._demand_canonical(self._left, "the rest")
        return dict(self._left)

    def _list(self, name: str, most: int) -> list[Json]:
        value = self._left.pop(name, None)
        found: Sequence[Json] = [] if value is None else cast("list[Json]", value)
        if not isinstance(found, list) or len(found) > most:
            raise RelayError(f"{self._at(name)} is no list of at most {most}")
        return found

    def _demand_canonical(self, value: Json, name: str) -> None:
        """Refuse what could not be given back byte for byte."""
        try:
            canonical_bytes(value)
        except ValueError as error:
            raise RelayError(f"{self._at(name)} has no canonical form") from error

    def _at(self, name: str) -> str:
        return f"{self._place}/{name}"


def _finder(fields: _Fields) -> Finder:
    return Finder(name=fields.text("name", most=500), role=fields.text("role", most=100))


def _hop(fields: _Fields) -> Hop:
    return Hop(
        name=fields.text("name", most=500),
        at=fields.instant("at"),
        node=fields.maybe("node", most=100),
        reference=fields.maybe("reference"),
        key=fields.maybe("key", most=100),
        signature=fields.maybe("signature", most=200),
        extra=fields.rest(),
    )


def _provenance(fields: _Fields | None) -> Provenance:
    if fields is None:
        return Provenance()
    return Provenance(
        finders=fields.each("finders", _finder, most=1000),
        reporters=fields.each("reporters", _hop),
        origins=fields.texts("origins"),
        extra=fields.rest(),
    )


def _original(fields: _Fields) -> Original:
    sha256 = fields.text("sha256", most=64)
    original = Original(
        data=fields.data("data"),
        provenance=_provenance(fields.object("provenance")),
        media_type=fields.maybe("media_type", most=200),
        filename=fields.maybe("filename", most=255),
        extra=fields.rest(),
    )
    if original.sha256 != sha256:
        raise RelayError("an original is not the one of its SHA-256")
    return original


def _terms(fields: _Fields) -> Terms:
    return Terms(
        until=fields.maybe_instant("until"),
        rule=fields.text("rule", most=200),
        set_by=fields.text("set_by", most=500),
        at=fields.instant("at"),
        extra=fields.rest(),
    )


def _claim(fields: _Fields) -> Claim:
    return Claim(by=fields.text("by", most=500), reports=fields.number("reports"))


def _file(fields: _Fields) -> File:
    return File(
        name=fields.text("name", most=255),
        media_type=fields.text("media_type", most=200),
        data=fields.data("data"),
    )


def _outcome(fields: _Fields | None) -> Outcome | None:
    if fields is None:
        return None
    return Outcome(
        envelope=fields.text("envelope", most=100),
        code=fields.text("code", most=100),
        reason=fields.text("reason", most=1000),
        until=fields.maybe_instant("until"),
    )


def _envelope(fields: _Fields) -> Envelope:
    if fields.maybe("format", most=100) != VERSION:
        raise RelayError(f"the format is not {VERSION}")
    return Envelope(
        id=fields.text("id", most=100),
        kind=fields.choice("kind", Kind),
        at=fields.instant("at"),
        sender=fields.text("sender", most=100),
        recipient=fields.text("recipient", most=100),
        handle=fields.text("handle", most=100),
        answers=fields.maybe("answers", most=100),
        sequence=fields.number("sequence"),
        tlp=fields.choice("tlp", Tlp),
        terms=fields.each("terms", _terms),
        claims=fields.each("claims", _claim),
        originals=fields.each("originals", _original),
        text=fields.maybe("text", most=100_000),
        files=fields.each("files", _file, most=20),
        status=fields.mapping("status"),
        published_at=fields.maybe_instant("published_at"),
        outcome=_outcome(fields.object("outcome")),
        extra=fields.rest(),
    )
