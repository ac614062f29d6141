"""What the indexes say of one advisory, kept as a line so that nothing is read twice.

In: the files of an issue. Out: a `Card`, with its line in each index already written; and the
lines of many cards. Refused with `CardError`: an issue that may not be shown to everybody.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import PurePosixPath
from typing import Any, Final

from clearhouse.formats import feed
from clearhouse.formats.canonical import Json, canonical_bytes

INFORMATION_TYPE: Final = {
    "scheme": "urn:ietf:params:rolie:category:information-type", "term": "csaf",
}  # fmt: skip
_PUBLIC: Final = "WHITE"
NO_ECOSYSTEM: Final = "[EMPTY]"
"""The folder of records without an ecosystem. Source: OSV data dumps."""


class CardError(ValueError):
    """The issue is not for everybody."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Issue:
    """One issue of an advisory, as it goes out."""

    id: str
    revision: int
    added: datetime
    """When it becomes public."""
    files: Mapping[str, bytes]
    """By file name; `osv.json`, `csaf.json` and `proof.json` are always there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """One advisory in its newest issue, for the indexes; instants as they are written there."""

    id: str
    revision: int
    published: str
    modified: str
    added: str
    osv_id: str
    ecosystems: tuple[str, ...]
    """Folders of the OSV layout."""
    title: str
    products: tuple[str, ...]
    forms: tuple[str, ...]
    """Names of its files."""
    entry: str
    """Its part of a list of the feed."""
    rolie: str
    """Its entry of the ROLIE feed, below the address `@`."""
    line: str = field(default="", compare=False)
    """The line it was read from, so that an unchanged card is not written anew."""

    @property
    def folder(self) -> str:
        """The path of its documents."""
        return f"{self.id[4:8]}/{self.id}"

    @property
    def history(self) -> str:
        """The path of this issue for good."""
        return f"history/{self.id}/{self.revision}"

    @property
    def csaf(self) -> str:
        """The path of its CSAF document below the folder of its label. Source: CSAF 2.0 §5.1."""
        return f"{self.published[:4]}/{self.id.lower()}.json"

    @property
    def group(self) -> str:
        """Which list of the feed it is in."""
        return f"{self.id[4:8]}-{(int(self.id[9:]) - 1) // feed.LONGEST_LIST}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Carried:
    """A detection rule that the feed carries with an advisory."""

    advisory_id: str
    rule: feed.Rule
    body: bytes


_NAMES: Final = tuple(one.name for one in fields(Card) if one.name != "line")
_values: Final = attrgetter(*_NAMES)


def card(issue: Issue) -> Card:
    """Return the card of an issue.

    Raises: CardError when its label is not TLP:CLEAR.
    """
    osv: dict[str, Any] = json.loads(issue.files["osv.json"])
    csaf: dict[str, Any] = json.loads(issue.files["csaf.json"])
    document = csaf["document"]
    if document.get("distribution", {}).get("tlp", {}).get("label") != _PUBLIC:
        raise CardError(f"{issue.id} is not TLP:CLEAR and must not stand where everybody reads")
    tracking, packages = document["tracking"], [one["package"] for one in osv.get("affected", ())
                                                if "package" in one]  # fmt: skip
    ecosystems = dict.fromkeys(str(one["ecosystem"]).partition(":")[0] for one in packages)
    made = Card(
        id=issue.id,
        revision=issue.revision,
        published=str(tracking["initial_release_date"]),
        modified=str(tracking["current_release_date"]),
        added=feed.spell(issue.added),
        osv_id=str(osv["id"]),
        ecosystems=tuple(ecosystems) or (NO_ECOSYSTEM,),
        title=str(document["title"]),
        products=tuple(dict.fromkeys(str(one["name"]) for one in packages)),
        forms=tuple(sorted(issue.files)),
        entry="",
        rolie="",
    )
    return _with_lines(made, issue, osv)


def with_rules(made: Card, carried: Iterable[Carried]) -> Card:
    """Return a card that names these rules and no others.

    Raises: CardError when one reveals what is not for everybody.
    """
    rules = [one.rule for one in carried]
    closed = [one.id for one in rules if one.leak not in feed.OPEN_LEAKS]
    if closed:
        raise CardError(f"the rule {closed[0]} reveals too much to stand where everybody reads")
    entry = feed.with_rules(made.entry.encode(), rules)
    return replace(made, entry=entry.decode(), line="")


def _with_lines(made: Card, issue: Issue, osv: Mapping[str, Any]) -> Card:
    entry = feed.Entry(
        id=made.id,
        revision=made.revision,
        published=_instant(made.published),
        modified=_instant(made.modified),
        title=made.title,
        ecosystems=tuple(one for one in made.ecosystems if one != NO_ECOSYSTEM),
        withdrawn=_instant(str(osv["withdrawn"])) if "withdrawn" in osv else None,
        documents=tuple(
            feed.file_of(f"{made.folder}/{name}", data) for name, data in issue.files.items()
        ),
    )
    return replace(made, entry=feed.entry_text(entry).decode(), rolie=_rolie(made))


def _rolie(one: Card) -> str:
    """Return its entry of a ROLIE feed. Source: CSAF 2.0 §7.1.15; RFC 8322 §6.2."""
    here = f"@/csaf/white/{one.csaf}"
    entry: dict[str, Json] = {
        "id": one.id,
        "title": one.title,
        "link": [
            {"rel": "self", "href": here},
            {"rel": "hash", "href": f"{here}.sha256"},
            {"rel": "hash", "href": f"{here}.sha512"},
            {"rel": "signature", "href": f"{here}.asc"},
        ],
        "published": one.published,
        "updated": one.modified,
        "summary": {"content": one.title},
        "content": {"type": "application/json", "src": here},
        "format": {
            "schema": "https://docs.oasis-open.org/csaf/csaf/v2.0/csaf_json_schema.json",
            "version": "2.0",
        },
        "category": [INFORMATION_TYPE],
    }
    return canonical_bytes(entry).decode()


def write(cards: Iterable[Card]) -> bytes:
    """Return cards as lines of JSON."""
    lines = (one.line or json.dumps(_values(one), ensure_ascii=False) for one in cards)
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")


def read(data: bytes | None) -> dict[str, Card]:
    """Return the cards of such lines, by id."""
    found: dict[str, Card] = {}
    for line in (data or b"").decode("utf-8", "surrogatepass").split("\n")[:-1]:
        values = [tuple(one) if isinstance(one, list) else one for one in json.loads(line)]
        made = Card(**dict(zip(_NAMES, values, strict=True)), line=line)  # type: ignore[arg-type] # as written
        found[made.id] = made
    return found


def companions(name: str, data: bytes, signature: str) -> dict[str, bytes]:
    """Return what stands beside a CSAF document. Source: CSAF 2.0 §7.1.18 and §7.1.19."""
    plain = PurePosixPath(name).name
    return {
        f"{name}.sha256": f"{hashlib.sha256(data).hexdigest()}  {plain}\n".encode(),
        f"{name}.sha512": f"{hashlib.sha512(data).hexdigest()}  {plain}\n".encode(),
        f"{name}.asc": signature.encode(),
    }


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
