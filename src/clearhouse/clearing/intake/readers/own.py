"""Read a report that another Clearhouse wrote down, because its original could not travel.

In comes the parsed document that `export` writes; out comes one draft, or a refusal. The words that
were read over there are read as they stand; the reporter's address was never in it.

Source: `readers.export`.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from typing import TypeVar

from clearhouse.clearing.intake.readers.document import Node
from clearhouse.clearing.intake.readers.export import SHAPE
from clearhouse.clearing.intake.readers.provenance import read_provenance
from clearhouse.clearing.intake.readers.result import Drafts, Fault, ReadRefusal
from clearhouse.clearing.intake.readers.settle import settled
from clearhouse.clearing.intake.record import (
    Attachment,
    AttachmentKind,
    Credit,
    Draft,
    ExploitState,
    Location,
)
from clearhouse.formats.strict_json import Json

_EMPTY = ReadRefusal(
    code="no_flaw",
    fault=Fault.CONTENT,
    reason="the report has neither words nor a package",
    remedy="give a title, a description or a package",
)
_Kind = TypeVar("_Kind", bound=StrEnum)


def recognised(members: dict[str, Json]) -> bool:
    """Say whether a document is one that a Clearhouse wrote."""
    return members.get("shape") == SHAPE


def read(document: dict[str, Json]) -> Drafts:
    """Read one report."""
    node = Node(document)
    node.use("shape", "notices", "notify")
    enrichment = node.node("enrichment")
    draft = _words(node)
    if not (draft.title or draft.description or draft.purl or draft.software):
        return _EMPTY
    draft = replace(
        draft,
        cwes=enrichment.texts("cwe"),
        cvss_vectors=enrichment.texts("cvss_vectors"),
        severity=enrichment.text("severity"),
        exploit_state=_one_of(ExploitState, enrichment.text("exploit_state"), ExploitState.UNKNOWN),
        provenance=read_provenance(enrichment.node("clearhouse")),
        locations=tuple(map(_place, node.nodes("affected_symbols"))),
        credits=tuple(_credits(node)),
        attachments=tuple(_files(node)),
        already_public=_flag(node, "already_public"),
    )
    return (settled(draft, node),)


def _words(node: Node) -> Draft:
    return Draft(
        title=node.text("title"),
        description=node.text("description"),
        trigger=node.text("trigger"),
        impact=node.text("impact"),
        crash_log=node.text("crash_log"),
        purl=node.text("purl"),
        software=node.text("software"),
        ecosystem=node.text("ecosystem"),
        affected_versions=node.texts("versions"),
        fixed_versions=node.texts("fixed_versions"),
        tested_version=node.text("tested_version"),
        aliases=node.texts("upstream_ids"),
        references=node.texts("references"),
        introduced_commit=node.text("introduced_commit"),
        fixed_commit=node.text("fixed_commit"),
        commits=node.texts("commits"),
        repository=node.text("package_repo_url"),
        language=node.text("language"),
    )


def _place(node: Node) -> Location:
    return Location(
        file=node.text("file"),
        function=node.text("function"),
        line=node.integer("line"),
        snippet=node.text("snippet"),
    )


def _credits(node: Node) -> Iterator[Credit]:
    for one in node.nodes("credits"):
        name, role = one.text("name"), one.text("role")
        if name:
            yield Credit(name=name, role=role or "finder")


def _files(node: Node) -> Iterator[Attachment]:
    for place, one in enumerate(node.nodes("attachments")):
        one.use("sha256")
        try:
            data = base64.b64decode(one.text("data_base64") or "", validate=True)
        except (binascii.Error, ValueError):
            one.keep("data_base64")
            continue
        yield Attachment(
            filename=one.text("filename") or f"file-{place}",
            content_type=one.text("content_type") or "application/octet-stream",
            data=data,
            kind=_one_of(AttachmentKind, one.text("type"), AttachmentKind.OTHER),
            description=one.text("description"),
        )


def _flag(node: Node, name: str) -> bool | None:
    value = node.members.get(name)
    if isinstance(value, bool):
        node.use(name)
        return value
    return None


def _one_of(kind: type[_Kind], written: str | None, otherwise: _Kind) -> _Kind:
    try:
        return kind(written or otherwise)
    except ValueError:
        return otherwise
