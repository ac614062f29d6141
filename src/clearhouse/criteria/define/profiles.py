"""The criteria at hand: those under `policies/criteria/`, and any file one names.

In: a profile's name such as `cyber-reference-1`, or a path. Out: a `Criterion`. Refused with
`CriterionError`: what is not there, and a signed profile whose signature does not fit.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from clearhouse.criteria.define.reading import read_criterion
from clearhouse.criteria.define.record import Criterion, CriterionError
from clearhouse.formats.canonical import Json
from clearhouse.formats.dsse import UntrustedEnvelopeError, open_envelope, seal
from clearhouse.kernel.policy import folder

PAYLOAD_TYPE = "application/vnd.clearhouse.criterion+yaml"
_LARGEST_BYTES = 1024 * 1024
_read = lru_cache(maxsize=32)(read_criterion)
"""Reads the same text once: a criterion is never changed, and its file may be."""


def names() -> list[str]:
    """Return the names of the profiles that came with the house."""
    return sorted(path.stem for path in (folder() / "criteria").glob("*.yaml"))


def load_profile(name: str) -> Criterion:
    """Return a profile by name, or by the path of its file.

    Raises: CriterionError.
    """
    path = Path(name)
    if path.suffix not in {".yaml", ".yml"}:
        if name not in names():
            raise CriterionError(
                f"no profile {name!r}; there are {', '.join(names())}, or name a .yaml file"
            )
        path = folder() / "criteria" / f"{name}.yaml"
    return _read(_text(path), path.name)


def sign_profile(path: Path, keys: Iterable[Ed25519PrivateKey]) -> dict[str, Json]:
    """Return the signed envelope of a profile, after checking that it can be read.

    Raises: CriterionError.
    """
    text = _text(path)
    read_criterion(text, path.name)
    return seal(text.encode(), PAYLOAD_TYPE, keys)


def open_profile(envelope: Mapping[str, object], trusted: Iterable[Ed25519PublicKey]) -> Criterion:
    """Return the profile in a signed envelope.

    Raises: CriterionError when no trusted key signed it.
    """
    try:
        opened = open_envelope(envelope, trusted)
    except UntrustedEnvelopeError as error:
        raise CriterionError(f"the signed profile does not hold: {error}") from error
    if opened.payload_type != PAYLOAD_TYPE:
        raise CriterionError("the envelope holds no profile")
    return read_criterion(opened.payload.decode("utf-8", "replace"), "the signed profile")


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise CriterionError(f"{path.name} is larger than 1 MiB; that is no profile")
        return path.read_text("utf-8")
    except OSError as error:
        raise CriterionError(f"cannot read {path.name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CriterionError(f"{path.name} is not UTF-8 text") from error
