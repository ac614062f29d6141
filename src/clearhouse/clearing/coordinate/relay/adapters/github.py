"""Private vulnerability reporting of one repository on GitHub.

In: an envelope with a case. Out: the id of the advisory that GitHub made of it. Refused: anything
but a case, and what GitHub refuses (private reporting is off, no such repository, a field it does
not take). GitHub has no key by which it knows a request again, so one that broke off when all was
sent is never repeated by itself.
Source: GitHub REST API 2022-11-28, "Privately report a security vulnerability".
"""

import json

from clearhouse.clearing.coordinate.relay.adapters.way import (
    Refusal,
    Taken,
    Way,
    drafts_of,
    json_of,
    provenance_text,
)
from clearhouse.clearing.coordinate.relay.record import Code
from clearhouse.clearing.intake.record import Draft
from clearhouse.formats import purl as purls
from clearhouse.formats.canonical import Json
from clearhouse.formats.relay import Envelope, Kind
from clearhouse.kernel.outside import OutsideError

_MOST_SUMMARY, _MOST_DESCRIPTION = 1024, 65_535
_ECOSYSTEMS = {
    "cargo": "rust", "composer": "composer", "gem": "rubygems", "githubactions": "actions",
    "golang": "go", "hex": "erlang", "maven": "maven", "npm": "npm", "nuget": "nuget", "pub": "pub",
    "pypi": "pip", "swift": "swift",
}  # fmt: skip
"""GitHub's names for the ecosystems of package URLs."""
_SEVERITIES = {"low", "medium", "high", "critical"}


def send(way: Way, envelope: Envelope) -> Taken | Refusal:
    """Report one case privately.

    Raises: OutsideError, AddressRefusedError.
    """
    if envelope.kind is not Kind.CASE:
        return Refusal(code=Code.NOT_TAKEN)
    answer = way.outside.ask(
        "POST",
        f"{way.peer.address}/security-advisories/reports",
        json.dumps(report(envelope)).encode(),
        headers={
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {way.secret or ''}",
            "Content-Type": "application/json",
            "User-Agent": "clearhouse",
            "X-GitHub-Api-Version": "2022-11-28",
        },
    )
    if answer.status == 201:
        id_ = json_of(answer.body).get("ghsa_id")
        return Taken(reference=id_ if isinstance(id_, str) else None)
    if answer.status in {400, 404, 410, 422}:
        return Refusal(code=Code.NOT_TAKEN)
    raise OutsideError(f"answered {answer.status}")  # a token, a limit, or theirs: it can be mended


def report(envelope: Envelope) -> dict[str, Json]:
    """Return the report as GitHub takes it; whatever has no field there is in the description."""
    drafts = tuple(drafts_of(envelope))
    first = drafts[0] if drafts else Draft()
    block = provenance_text(envelope)
    words = [text for one in drafts for text in (one.description, one.trigger, one.impact) if text]
    room = _MOST_DESCRIPTION - len(block) - 10
    body: dict[str, Json] = {
        "summary": (first.title or "Vulnerability report")[:_MOST_SUMMARY],
        "description": f"{block}\n\n---\n\n{chr(10).join(words)[: max(room, 0)]}"[
            :_MOST_DESCRIPTION
        ],
        "start_private_fork": False,
    }
    products = [found for one in drafts if (found := _product(one)) is not None]
    if products:
        body["vulnerabilities"] = products
    cwes = list(dict.fromkeys(cwe for one in drafts for cwe in one.cwes))
    if cwes:
        body["cwe_ids"] = cwes
    vectors = [vector for one in drafts for vector in one.cvss_vectors]
    if vectors:
        body["cvss_vector_string"] = vectors[0]
    elif first.severity in _SEVERITIES:
        body["severity"] = first.severity
    return body


def _product(draft: Draft) -> Json:
    if draft.purl is None:
        return None
    try:
        parts = purls.parse(draft.purl)
    except purls.PurlError:
        return None
    name = f"{parts.namespace}/{parts.name}" if parts.namespace else parts.name
    package: dict[str, Json] = {"ecosystem": _ECOSYSTEMS.get(parts.type, "other"), "name": name}
    product: dict[str, Json] = {"package": package}
    if draft.affected_versions:
        product["vulnerable_version_range"] = ", ".join(draft.affected_versions)
    if draft.fixed_versions:
        product["patched_versions"] = ", ".join(draft.fixed_versions)
    functions: list[Json] = [one.function for one in draft.locations if one.function]
    if functions:
        product["vulnerable_functions"] = functions
    return product
