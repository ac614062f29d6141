"""Every form that an advisory is written in: one table, from which all doors and files follow.

In: `Content`. Out: the documents of an issue, or every fault that our own checks find in them. A
form that cannot say an advisory (a CVE Record without a CVE id) is left out of its issue.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from clearhouse.clearing.publish import as_page
from clearhouse.clearing.publish.as_csaf import csaf_advisory
from clearhouse.clearing.publish.as_cve import cve_record
from clearhouse.clearing.publish.as_cyclonedx import cyclonedx_document
from clearhouse.clearing.publish.as_ghsa import ghsa_document
from clearhouse.clearing.publish.as_openvex import openvex_document
from clearhouse.clearing.publish.as_osv import osv_document
from clearhouse.clearing.publish.content import Content
from clearhouse.formats import csaf, csaf_21, osv
from clearhouse.formats.canonical import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """One document, and what our own check says against it."""

    body: bytes
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """One way to write an advisory."""

    name: str
    """As commands and addresses take it."""
    file: str
    """Name of the file in an issue."""
    media_type: str
    title: str
    """Name and version of the standard, for people."""
    make: Callable[[Content], Made | None]
    """None: this advisory cannot be said in this form."""
    draft: bool = False
    """A draft of a standard: written only where the publisher asks for it."""


def _osv(content: Content) -> Made:
    value = osv_document(content)
    return Made(body=osv.write(value), faults=osv.problems(value))


def _csaf(content: Content) -> Made:
    advisory = csaf_advisory(content)
    return Made(body=csaf.write(csaf.document(advisory)), faults=csaf.problems(advisory))


def _csaf_21(content: Content) -> Made:
    advisory = csaf_advisory(content)
    return Made(body=csaf.write(csaf_21.document(advisory)), faults=csaf.problems(advisory))


def _as_json(make: Callable[[Content], dict[str, Json] | None]) -> Callable[[Content], Made | None]:
    """Return a maker of bytes, with sorted members."""

    def made(content: Content) -> Made | None:
        value = make(content)
        return None if value is None else Made(body=osv.write(value))

    return made


_JSON: Final = "application/json"

FORMS: Final[tuple[Form, ...]] = (
    Form(name="osv", file="osv.json", media_type=_JSON, title="OSV 1.7.5", make=_osv),
    Form(name="csaf", file="csaf.json", media_type=_JSON, title="CSAF 2.0", make=_csaf),
    Form(
        name="csaf-2.1",
        file="csaf-2.1.json",
        media_type=_JSON,
        title="CSAF 2.1 (draft)",
        make=_csaf_21,
        draft=True,
    ),
    Form(
        name="cve",
        file="cve.json",
        media_type=_JSON,
        title="CVE Record 5.2.0",
        make=_as_json(cve_record),
    ),
    Form(
        name="openvex",
        file="openvex.json",
        media_type=_JSON,
        title="OpenVEX 0.2.0",
        make=_as_json(openvex_document),
    ),
    Form(
        name="cyclonedx",
        file="cyclonedx.json",
        media_type="application/vnd.cyclonedx+json",
        title="CycloneDX 1.7 VEX",
        make=_as_json(cyclonedx_document),
    ),
    Form(
        name="ghsa",
        file="ghsa.json",
        media_type=_JSON,
        title="GitHub security advisory",
        make=_as_json(ghsa_document),
    ),
    Form(
        name="page",
        file="page.json",
        media_type=_JSON,
        title="content of a page for people",
        make=_as_json(as_page.page),
    ),
    Form(
        name="text",
        file="advisory.txt",
        media_type="text/plain; charset=utf-8",
        title="plain text",
        make=lambda content: Made(body=as_page.text(content)),
    ),
)
BY_NAME: Final = {form.name: form for form in FORMS}


def make_all(content: Content) -> dict[str, Made]:
    """Return the document of each form that can say the advisory, by the form's name."""
    wanted = content.facts.publisher.drafts
    made = {
        form.name: form.make(content) for form in FORMS if not form.draft or form.name in wanted
    }
    return {name: one for name, one in made.items() if one is not None}
