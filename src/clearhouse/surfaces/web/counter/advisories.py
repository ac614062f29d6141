"""What was published: the list, one advisory for people, and its documents for machines.

Everything on these pages comes from the published documents themselves, so a page cannot say
more than they do.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from clearhouse.clearing.publish import operations as publish
from clearhouse.surfaces.web.counter.front import counter_of
from clearhouse.surfaces.web.counter.refusals import NotPublicError
from clearhouse.surfaces.web.downloads import as_attachment
from clearhouse.surfaces.web.rendering import page

router = APIRouter(include_in_schema=False)
_Id = Annotated[str, Path(pattern=r"^CLR-[0-9]{4}-[0-9]{5,12}$")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One advisory in the list, in words of its OSV document."""

    id: str
    summary: str
    aliases: tuple[str, ...]
    packages: tuple[str, ...]
    published: str


@router.get("/advisories")
def show_list(request: Request) -> Response:
    """List what is public, the newest first."""
    with counter_of(request).database.transaction(None) as transaction:
        found = publish.advisories(transaction, form="osv")
    lines = [_line(one.advisory_id, json.loads(one.bodies["osv"])) for one in found]
    return page(
        "counter/advisories.html", {"door": "counter", "path": "/advisories", "lines": lines}
    )


@router.get("/advisories/{advisory_id}")
def show(request: Request, advisory_id: _Id) -> Response:
    """Show one advisory."""
    documents = _documents(request, advisory_id)
    osv = json.loads(documents["osv"])
    return page(
        "counter/advisory.html",
        {
            "door": "counter",
            "path": "/advisories",
            "line": _line(advisory_id, osv),
            "osv": osv,
            "proof": json.loads(documents["proof"]) if "proof" in documents else None,
        },
    )


@router.get("/advisories/{advisory_id}/{document}.json")
def document(
    request: Request, advisory_id: _Id, document: Annotated[str, Path(max_length=10)]
) -> Response:
    """Send a document byte for byte as it was published."""
    data = _documents(request, advisory_id).get(document)
    if data is None:
        raise NotPublicError
    headers = as_attachment(f"{advisory_id}.{document}.json")
    return Response(data, media_type="application/json", headers=headers)


def _documents(request: Request, advisory_id: str) -> Mapping[str, bytes]:
    """Return the documents of an advisory by name.

    Raises: NotPublicError.
    """
    with counter_of(request).database.transaction(None) as transaction:
        found = publish.advisory(transaction, advisory_id)
    if found is None:
        raise NotPublicError
    proof = {} if found.proof is None else {"proof": found.proof}
    return {**{name: body for name, body in found.bodies.items() if name != "text"}, **proof}


def _line(advisory_id: str, osv: Mapping[str, object]) -> Line:
    affected = osv.get("affected")
    packages = [
        str(one["package"].get("purl") or one["package"].get("name"))
        for one in (affected if isinstance(affected, list) else [])
        if "package" in one
    ]
    aliases = osv.get("aliases")
    return Line(
        id=advisory_id,
        summary=str(osv.get("summary") or advisory_id),
        aliases=tuple(map(str, aliases)) if isinstance(aliases, list) else (),
        packages=tuple(packages),
        published=str(osv.get("published") or osv["modified"]),
    )
