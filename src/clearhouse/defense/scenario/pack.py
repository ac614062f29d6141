"""A scenario pack: a folder with events, truth and questions, hashed whole and signed.

    scenario.yaml      what it is, under which licence, since when it is public
    events/*.parquet   the recording
    history/*.parquet  an earlier quiet time of the same network, where there is one
    truth.jsonl        what really happened
    questions.yaml     tasks with what is right
    manifest.json      SHA-256 of every file above, signed as DSSE in manifest.dsse.json

Refused (`PackError`): packs with a file that the manifest does not name or that differs from it.
Source: DSSE v1.0; in-toto Statement v1 in spirit, with our own predicate.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import TypeAdapter, ValidationError

from clearhouse.defense.scenario.event import SourceKind
from clearhouse.defense.scenario.recording import Recording
from clearhouse.defense.scenario.truth import Expected, Truth
from clearhouse.formats.canonical import Json, canonical_bytes
from clearhouse.formats.dsse import open_envelope, seal

PAYLOAD_TYPE = "application/vnd.clearhouse.scenario-manifest+json"
_MANIFEST, _ENVELOPE = "manifest.json", "manifest.dsse.json"
_READ_BYTES = 1 << 20


class PackError(ValueError):
    """The folder is no pack that can be used; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """What a pack is."""

    id: str
    version: str
    title: str
    licence: str
    provenance: str
    """Where the recording comes from."""
    environment: str
    """Which network it is of, in a sentence."""
    telemetry: tuple[SourceKind, ...]
    attack_version: str
    public_since: str | None = None
    """Since when tools may have learnt from it, ISO date; None for never published."""
    used_as_rule_test: bool = False
    """Detection rules were written against it, so it says little about them."""
    benign: bool = False
    """Holds ordinary work besides attacks, so false alarms can be counted."""
    lab_names: tuple[str, ...] = ()
    """Names that give the laboratory away: domains, hosts, accounts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pack:
    """A pack, read."""

    folder: Path
    scenario: Scenario
    truths: tuple[Truth, ...]
    questions: tuple[Expected, ...]
    sha256: str
    """Of the manifest, and so of every file."""

    @property
    def name(self) -> str:
        """Id and version."""
        return f"{self.scenario.id}-{self.scenario.version}"

    @property
    def events(self) -> Recording:
        """The recording."""
        return Recording(self.folder / "events")

    @property
    def history(self) -> Recording | None:
        """The quiet time before, where there is one."""
        folder = self.folder / "history"
        return Recording(folder) if folder.is_dir() else None


_SCENARIO, _TRUTH = TypeAdapter(Scenario), TypeAdapter(Truth)
_EXPECTED: TypeAdapter[tuple[Expected, ...]] = TypeAdapter(tuple[Expected, ...])


def write_pack(
    folder: Path, scenario: Scenario, truths: Sequence[Truth], questions: Sequence[Expected] = ()
) -> Pack:
    """Write everything beside the events that stand in the folder already, and the manifest."""
    (folder / "scenario.yaml").write_text(
        yaml.safe_dump(_SCENARIO.dump_python(scenario, mode="json"), sort_keys=False), "utf-8"
    )
    (folder / "truth.jsonl").write_bytes(b"".join(_TRUTH.dump_json(one) + b"\n" for one in truths))
    (folder / "questions.yaml").write_text(
        yaml.safe_dump(_EXPECTED.dump_python(tuple(questions), mode="json"), sort_keys=False),
        "utf-8",
    )
    manifest = {name: _sha256(folder / name) for name in _names(folder)}
    (folder / _MANIFEST).write_bytes(canonical_bytes(cast("dict[str, Json]", manifest)))
    return read_pack(folder)


def sign_pack(pack: Pack, key: Ed25519PrivateKey) -> None:
    """Sign the manifest."""
    envelope = seal((pack.folder / _MANIFEST).read_bytes(), PAYLOAD_TYPE, [key])
    (pack.folder / _ENVELOPE).write_text(json.dumps(envelope), "utf-8")


def signed_by(pack: Pack, trusted: Sequence[Ed25519PublicKey]) -> tuple[str, ...]:
    """Return which of the trusted keys signed the pack. Raises: UntrustedEnvelopeError; PackError.

    UntrustedEnvelopeError when none of them did, PackError when the signature is for another pack.
    """
    try:
        envelope = json.loads((pack.folder / _ENVELOPE).read_bytes())
    except (OSError, ValueError) as error:
        raise PackError(f"{pack.folder} is not signed") from error
    opened = open_envelope(envelope, trusted)
    if hashlib.sha256(opened.payload).hexdigest() != pack.sha256:
        raise PackError("the signature is for another pack")
    return opened.key_ids


def read_pack(folder: Path) -> Pack:
    """Read a pack and hold every file against the manifest. Raises: PackError."""
    try:
        manifest = (folder / _MANIFEST).read_bytes()
        expected = json.loads(manifest)
        found = {name: _sha256(folder / name) for name in _names(folder)}
        if found != expected:
            wrong = sorted(
                name
                for name in found.keys() | expected.keys()
                if found.get(name) != expected.get(name)
            )
            raise PackError(f"{folder}: not as the manifest says: {', '.join(wrong)}")
        lines = (folder / "truth.jsonl").read_bytes().splitlines()
        pack = Pack(
            folder=folder,
            scenario=_SCENARIO.validate_python(
                yaml.safe_load((folder / "scenario.yaml").read_text("utf-8"))
            ),
            truths=tuple(_TRUTH.validate_json(line) for line in lines if line.strip()),
            questions=_EXPECTED.validate_python(
                yaml.safe_load((folder / "questions.yaml").read_text("utf-8"))
            ),
            sha256=hashlib.sha256(manifest).hexdigest(),
        )
    except (OSError, ValidationError, yaml.YAMLError, json.JSONDecodeError) as error:
        raise PackError(f"{folder} is no scenario pack: {error}") from error
    _demand_zones(pack)
    return pack


def _demand_zones(pack: Pack) -> None:
    """Refuse times without a zone: hours of doubt would look like hours of delay."""
    times: list[datetime] = [time for one in pack.truths for time in (one.start, one.end)]
    if any(time.tzinfo is None for time in times):
        raise PackError(f"{pack.folder}: a time of the truth has no zone; write it in UTC")
    if any(one.end < one.start for one in pack.truths):
        raise PackError(f"{pack.folder}: a step of the truth ends before it starts")


def _names(folder: Path) -> list[str]:
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name not in {_MANIFEST, _ENVELOPE}
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(_READ_BYTES):
            digest.update(part)
    return digest.hexdigest()
