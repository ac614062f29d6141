"""A door to a house elsewhere, for blind lookup over its desk's API.

In: its address and a token. Out: cards, evaluations and tables. What is asked for leaves this
machine blinded only. Refused with `OutsideError`: anything but HTTPS or this machine, answers that
are not understood. Tables are kept on disk, so that only what came later is fetched.
"""

import base64
import hashlib
import http.client
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from clearhouse.clearing.deconflict.blind.asking import Tables
from clearhouse.clearing.deconflict.blind.record import Card, Epoch, Part
from clearhouse.clearing.deconflict.refusal import Refusal
from clearhouse.formats.voprf import Evaluated
from clearhouse.kernel.addresses import is_here
from clearhouse.kernel.outside import OutsideError
from clearhouse.surfaces.api.deconflict import VERSION_HEADER

_TIMEOUT_S = 30.0
_MOST_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HttpDoor:
    """A house that is asked over the network."""

    address: str
    """Of its desk."""
    token: str = field(repr=False)

    def card(self) -> Card:
        """Return which keys answer."""
        said = self._json("GET", "/v1/desk/known")
        if isinstance(said, Refusal):
            raise OutsideError(said.reason)
        found = tuple(_epoch(one) for one in said["epochs"])
        return Card(
            epochs=found,
            most_bits=tuple(int(one["most_bits"]) for one in said["epochs"]),
            asked_at_once=int(said["asked_at_once"]),
            policy=str(said["policy"]),
        )

    def evaluate(self, epoch_id: str, elements: Sequence[bytes]) -> Evaluated | Refusal:
        """Evaluate blinded fingerprints."""
        body = {"epoch": epoch_id, "elements": [one.hex() for one in elements]}
        said = self._json("POST", "/v1/desk/known/evaluations", body)
        if isinstance(said, Refusal):
            return said
        return Evaluated(
            tuple(bytes.fromhex(one) for one in said["elements"]), bytes.fromhex(said["proof"])
        )

    def table(self, epoch_id: str, after: int) -> Part | Refusal:
        """Return what the table has beyond a version."""
        query = urlencode({"epoch": epoch_id, "after": after})
        status, headers, body = self._ask("GET", f"/v1/desk/known/entries?{query}", None)
        if status != 200:
            return _refusal(status, body)
        return Part(entries=body, version=int(headers.get(VERSION_HEADER.lower(), "0")))

    def buckets(
        self, epoch_id: str, bits: int, prefixes: Sequence[int]
    ) -> tuple[Part, ...] | Refusal:
        """Return parts of the table."""
        body = {"epoch": epoch_id, "bits": bits, "prefixes": list(prefixes)}
        said = self._json("POST", "/v1/desk/known/buckets", body)
        if isinstance(said, Refusal):
            return said
        version = int(said["version"])
        return tuple(
            Part(entries=base64.b64decode(one, validate=True), version=version)
            for one in said["buckets"]
        )

    def _json(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> dict[str, Any] | Refusal:
        status, _, answer = self._ask(method, path, body)
        if status != 200:
            return _refusal(status, answer)
        try:
            said = json.loads(answer)
        except ValueError as error:
            raise OutsideError("the house's answer is not understood") from error
        if not isinstance(said, dict):
            raise OutsideError("the house's answer is not understood")
        return said

    def _ask(
        self, method: str, path: str, body: Mapping[str, object] | None
    ) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(self.address)
        host = parts.hostname or ""
        if parts.scheme != "https" and not (parts.scheme == "http" and is_here(host)):
            raise OutsideError("a house elsewhere is asked over HTTPS only")
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else (http.client.HTTPConnection)
        )
        connection = kind(host, parts.port, timeout=_TIMEOUT_S)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, parts.path.rstrip("/") + path, data, headers)
            answer = connection.getresponse()
            found = answer.read(_MOST_BYTES)
            return (
                answer.status,
                {name.lower(): value for name, value in answer.getheaders()},
                found,
            )
        except (OSError, http.client.HTTPException) as error:
            raise OutsideError("the house did not answer") from error
        finally:
            connection.close()


def kept_tables(address: str) -> tuple[Tables, Path]:
    """Return the tables of a house that were fetched before, and where they are kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "clearhouse" / hashlib.sha256(address.encode()).hexdigest()[:16]
    tables = Tables()
    for file in folder.glob("epo_*.known") if folder.is_dir() else ():
        head, _, entries = file.read_bytes().partition(b"\n")
        if head.isdigit():
            tables.known[file.stem] = Part(entries=entries, version=int(head))
    return tables, folder


def keep_tables(tables: Tables, folder: Path) -> None:
    """Keep tables for the next time."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for epoch_id, part in tables.known.items():
        (folder / f"{epoch_id}.known").write_bytes(f"{part.version}\n".encode() + part.entries)


def _epoch(said: Mapping[str, Any]) -> Epoch:
    until = said["answers_until"]
    return Epoch(
        epoch_id=str(said["epoch"]),
        public_key=bytes.fromhex(said["public_key"]),
        opened_at=datetime.fromisoformat(said["opened_at"]),
        answers_until=None if until is None else datetime.fromisoformat(until),
        entries=int(said["entries"]),
        version=int(said["version"]),
    )


def _refusal(status: int, body: bytes) -> Refusal:
    try:
        reason = str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        reason = f"the house answered with status {status}"
    return Refusal(code=f"status-{status}", reason=reason)
