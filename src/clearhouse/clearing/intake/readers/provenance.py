"""Read how a flaw was found from the `clearhouse` object that any JSON format may carry.

In comes the object; out comes `Provenance`, and what it does not know stays with the document's
unknown fields. The shape, every member optional:

    {"discovery_method": str, "tooling": str,
     "models": [{"name": str, "version": str, "vendor": str}],
     "scaffold": str, "scaffold_version": str,
     "human_review": [{"who": str, "what": str, "minutes": int}],
     "attempts": int, "candidates": int,
     "confidentiality": "public" | "confidential" | "unknown",
     "duplicate_searches": [{"where": str, "query": str, "result": str}]}

It stands in TAP `enrichment.clearhouse`, in OSV `database_specific.clearhouse`, in a SARIF run's or
result's `properties.clearhouse`, in a GHSA document's `clearhouse`, and as JSON text in a CSAF note
whose title is `clearhouse`.
"""

from dataclasses import replace

from clearhouse.clearing.intake.readers.document import Node
from clearhouse.clearing.intake.record import (
    DuplicateSearch,
    HumanReview,
    ModelUse,
    Notice,
    Provenance,
    Tooling,
)

MAX_COUNT = 10**9
MAX_ENTRIES = 64


def read_provenance(node: Node) -> Provenance:
    """Read the `clearhouse` object; an absent one gives a provenance that says nothing."""
    return Provenance(
        discovery_method=node.text("discovery_method"),
        tooling=node.text("tooling"),
        models=tuple(
            ModelUse(name=name, version=model.text("version"), vendor=model.text("vendor"))
            for model in node.nodes("models")[:MAX_ENTRIES]
            if (name := model.text("name"))
        ),
        scaffold=node.text("scaffold"),
        scaffold_version=node.text("scaffold_version"),
        human_review=tuple(
            HumanReview(who=who, what=review.text("what"), minutes=_count(review, "minutes"))
            for review in node.nodes("human_review")[:MAX_ENTRIES]
            if (who := review.text("who"))
        ),
        attempts=_count(node, "attempts"),
        candidates=_count(node, "candidates"),
        confidentiality=_confidentiality(node),
        duplicate_searches=tuple(
            DuplicateSearch(where=where, query=search.text("query"), result=search.text("result"))
            for search in node.nodes("duplicate_searches")[:MAX_ENTRIES]
            if (where := search.text("where"))
        ),
    )


def merged(first: Provenance, second: Provenance) -> Provenance:
    """Join two statements about one discovery; where both speak, the first counts."""
    unknown = first.confidentiality is Tooling.UNKNOWN
    return replace(
        first,
        discovery_method=first.discovery_method or second.discovery_method,
        tooling=first.tooling or second.tooling,
        models=first.models or second.models,
        scaffold=first.scaffold or second.scaffold,
        scaffold_version=first.scaffold_version or second.scaffold_version,
        human_review=first.human_review or second.human_review,
        attempts=second.attempts if first.attempts is None else first.attempts,
        candidates=second.candidates if first.candidates is None else first.candidates,
        confidentiality=second.confidentiality if unknown else first.confidentiality,
        duplicate_searches=first.duplicate_searches or second.duplicate_searches,
    )


def _count(node: Node, name: str) -> int | None:
    value = node.integer(name)
    if value is None or 0 <= value <= MAX_COUNT:
        return value
    node.keep(name)
    node.notices.append(
        Notice(code="out_of_range", field=node.at(name), reason=f"is not 0 to {MAX_COUNT}")
    )
    return None


def _confidentiality(node: Node) -> Tooling:
    word = (node.text("confidentiality") or "").lower()
    if word in set(Tooling):
        return Tooling(word)
    if word:
        node.keep("confidentiality")
        reason = "is not public, confidential or unknown"
        node.notices.append(
            Notice(code="unknown_value", field=node.at("confidentiality"), reason=reason)
        )
    return Tooling.UNKNOWN
