"""What an operator says back about an advisory: affected or not, and fixed on which day.

In: a secret of the operator's machine, an advisory's id and a coarse status; or the bytes of what
somebody else sealed. Out: a signed envelope, or the statement in it. Refused with
`AcknowledgementError`, naming the field: what is not signed by the key that it names, holds more
than these fields, or says what cannot be.

Each advisory gets a key of its own, derived from the secret, so that what one operator says about
two advisories has no key in common. Nothing of an inventory has a place in a statement.

Source: RFC 5869 (HKDF); DSSE v1.0; RFC 8785.
"""

import base64
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from clearhouse.formats import dsse
from clearhouse.formats.canonical import Json, canonical_bytes
from clearhouse.formats.strict_json import StrictJsonError, Strictness, parse

TYPE: Final = "application/vnd.clearhouse.acknowledgement+json"
FORMAT: Final = "clearhouse-acknowledgement/1"
MOST_BYTES: Final = 4096
_FIELDS: Final = frozenset({"format", "advisory", "affected", "fixed_on", "said_on", "key"})
_STRICTNESS: Final = Strictness(max_bytes=MOST_BYTES, max_depth=4)


class Affected(StrEnum):
    """Whether the operator has the flaw somewhere."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class AcknowledgementError(ValueError):
    """The statement cannot be taken; the message names the field."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledgement:
    """One statement, in days."""

    advisory: str
    affected: Affected
    fixed_on: date | None
    """The day on which everything was fixed; only of those who were affected."""
    said_on: date


def own_key(secret: bytes, advisory: str) -> Ed25519PrivateKey:
    """Return the key that this machine signs with about one advisory, and about no other."""
    derived = HKDF(SHA256(), 32, None, f"{FORMAT} {advisory}".encode()).derive(secret)
    return Ed25519PrivateKey.from_private_bytes(derived)


def write(statement: Acknowledgement, key: Ed25519PrivateKey) -> dict[str, Json]:
    """Return the statement in a signed envelope.

    Raises: AcknowledgementError when it says what cannot be.
    """
    _demand_possible(statement)
    fixed = statement.fixed_on
    body: dict[str, Json] = {
        "format": FORMAT,
        "advisory": statement.advisory,
        "affected": statement.affected.value,
        "fixed_on": None if fixed is None else fixed.isoformat(),
        "said_on": statement.said_on.isoformat(),
        "key": base64.b64encode(key.public_key().public_bytes_raw()).decode("ascii"),
    }
    return dsse.seal(canonical_bytes(body), TYPE, [key])


def read(data: bytes) -> tuple[Acknowledgement, dict[str, Json]]:
    """Return the statement of an envelope, and the envelope.

    Raises: AcknowledgementError.
    """
    try:
        envelope = parse(data, _STRICTNESS)
        fields = parse(dsse.unchecked_payload(envelope), _STRICTNESS)
    except StrictJsonError as error:
        raise AcknowledgementError(f"{error.place or 'envelope'}: {error.reason}") from None
    except dsse.UntrustedEnvelopeError as error:
        raise AcknowledgementError(f"envelope: {error}") from None
    if not isinstance(fields, dict) or fields.keys() != _FIELDS:
        raise AcknowledgementError(f"payload: has other fields than {', '.join(sorted(_FIELDS))}")
    if fields["format"] != FORMAT:
        raise AcknowledgementError(f"format: is not {FORMAT}")
    _demand_signed(envelope, str(fields["key"]))
    statement = Acknowledgement(
        advisory=str(fields["advisory"]),
        affected=_affected(fields["affected"]),
        fixed_on=None if fields["fixed_on"] is None else _day(fields, "fixed_on"),
        said_on=_day(fields, "said_on"),
    )
    _demand_possible(statement)
    return statement, cast("dict[str, Json]", envelope)


def _demand_signed(envelope: object, key: str) -> None:
    try:
        opened = dsse.open_envelope(envelope, [dsse.public_key(key)])
    except (dsse.UntrustedEnvelopeError, ValueError):
        raise AcknowledgementError("key: has not signed the statement") from None
    if opened.payload_type != TYPE:
        raise AcknowledgementError(f"payloadType: is not {TYPE}")


def _affected(value: object) -> Affected:
    try:
        return Affected(str(value))
    except ValueError:
        raise AcknowledgementError("affected: is not yes, no or unknown") from None


def _day(fields: Mapping[str, object], name: str) -> date:
    value = fields[name]
    if isinstance(value, str) and len(value) == 10:
        with contextlib.suppress(ValueError):
            return date.fromisoformat(value)
    raise AcknowledgementError(f"{name}: is no day as YYYY-MM-DD")


def _demand_possible(statement: Acknowledgement) -> None:
    if statement.fixed_on is None:
        return
    if statement.affected is not Affected.YES:
        raise AcknowledgementError("fixed_on: only what was affected can be fixed")
    if statement.fixed_on > statement.said_on:
        raise AcknowledgementError("fixed_on: is after the day on which it is said")
