"""What was published: the list, one advisory for people, and its documents for machines.

Everything on these pages comes from the published documents themselves, so a page cannot say
more than they do.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from clearhouse.clearing.publish import detections
from clearhouse.clearing.publish import operations as publish
from clearhouse.clearing.publish.forms import FORMS, Form
from clearhouse.clearing.publish.record import Advisory
from clearhouse.surfaces.web.counter.front import counter_of
from clearhouse.surfaces.web.counter.refusals import NotPublicError
from clearhouse.surfaces.web.downloads import as_attachment
from clearhouse.surfaces.web.rendering import page

router = APIRouter(include_in_schema=False)
_Id = Annotated[str, Path(pattern=r"^CLR-[0-9]{4}-[0-9]{5,12}$")]
_Rule = Annotated[str, Path(pattern=r"^dtc_[a-z2-7]{26}\.(yml|rules|yar)$")]
_File = Annotated[str, Path(pattern=r"^[a-z0-9.-]{1,40}$")]


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
    """Show one advisory: what people ask first, its documents, and every issue of it."""
    with counter_of(request).database.transaction(None) as transaction:
        rules = detections.public(transaction, advisory_id)
    issues = _issues(request, advisory_id)
    newest = issues[0]
    osv = json.loads(newest.bodies["osv"])
    said = newest.bodies.get("page")
    return page(
        "counter/advisory.html",
        {
            "door": "counter",
            "path": "/advisories",
            "line": _line(advisory_id, osv),
            "said": _said(osv) if said is None else json.loads(said),
            "files": [(form, len(newest.bodies[form.name])) for form in _forms(newest)],
            "proof": None if newest.proof is None else json.loads(newest.proof),
            "rules": rules,
            "issues": [(one, _forms(one)) for one in issues],
            "base": str(request.base_url).rstrip("/"),
        },
    )


@router.get("/advisories/{advisory_id}/detections/{file}")
def rule(request: Request, advisory_id: _Id, file: _Rule) -> Response:
    """Send a detection rule, as long as it is good."""
    with counter_of(request).database.transaction(None) as transaction:
        found = detections.public(transaction, advisory_id)
    for one in found:
        if one.file == file:
            return Response(
                one.rule, media_type="text/plain; charset=utf-8", headers=as_attachment(file)
            )
    raise NotPublicError


@router.get("/advisories/{advisory_id}/{file}")
def document(request: Request, advisory_id: _Id, file: _File) -> Response:
    """Send a document byte for byte as it was published."""
    return _sent(_issues(request, advisory_id)[0], file)


@router.get("/advisories/{advisory_id}/issues/{revision}/{file}")
def earlier_document(
    request: Request, advisory_id: _Id, revision: Annotated[int, Path(ge=1, le=10**6)], file: _File
) -> Response:
    """Send a document of one issue, corrected since or not."""
    found = [one for one in _issues(request, advisory_id) if one.revision == revision]
    if not found:
        raise NotPublicError
    return _sent(found[0], file)


def _issues(request: Request, advisory_id: str) -> list[Advisory]:
    """Return every public issue of an advisory, the newest first.

    Raises: NotPublicError.
    """
    with counter_of(request).database.transaction(None) as transaction:
        found = publish.issues(transaction, advisory_id)
    if not found:
        raise NotPublicError
    return found


def _forms(issue: Advisory) -> list[Form]:
    """Return the forms that an issue has, without the one that its page is made from."""
    return [form for form in FORMS if form.name in issue.bodies and form.name != "page"]


def _sent(issue: Advisory, file: str) -> Response:
    forms = {form.file: form for form in FORMS}
    name = f"{issue.advisory_id}.{file}"
    if file == "proof.json" and issue.proof is not None:
        return Response(issue.proof, media_type="application/json", headers=as_attachment(name))
    if file not in forms or forms[file].name not in issue.bodies:
        raise NotPublicError
    data, media_type = issue.bodies[forms[file].name], forms[file].media_type
    return Response(data, media_type=media_type, headers=as_attachment(name))


def _said(osv: Mapping[str, object]) -> Mapping[str, object]:
    """Return what a page says of an issue from before pages had a document of their own."""
    return {
        "title": osv.get("summary") or osv["id"],
        "withdrawn": None,
        "answers": [],
        "sections": [{"title": "What it is", "lines": [osv.get("details") or ""]}],
    }


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
