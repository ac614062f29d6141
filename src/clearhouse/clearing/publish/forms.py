"""Every form that an advisory is written in: one table, from which all doors and files follow.

In: `Content`. Out: the documents of an issue, or every fault that our own checks find in them. A
form that cannot say an advisory (a CVE Record without a CVE id) is left out of its issue.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from clearhouse.clearing.publish.as_csaf import csaf_advisory
from clearhouse.clearing.publish.as_osv import osv_document
from clearhouse.clearing.publish.content import Content
from clearhouse.formats import csaf, osv


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


def _osv(content: Content) -> Made:
    value = osv_document(content)
    return Made(body=osv.write(value), faults=osv.problems(value))


def _csaf(content: Content) -> Made:
    advisory = csaf_advisory(content)
    return Made(body=csaf.write(csaf.document(advisory)), faults=csaf.problems(advisory))


_JSON: Final = "application/json"

FORMS: Final[tuple[Form, ...]] = (
    Form(name="osv", file="osv.json", media_type=_JSON, title="OSV 1.7.5", make=_osv),
    Form(name="csaf", file="csaf.json", media_type=_JSON, title="CSAF 2.0", make=_csaf),
)
BY_NAME: Final = {form.name: form for form in FORMS}


def make_all(content: Content) -> dict[str, Made]:
    """Return the document of each form that can say the advisory, by the form's name."""
    made = {form.name: form.make(content) for form in FORMS}
    return {name: one for name, one in made.items() if one is not None}
