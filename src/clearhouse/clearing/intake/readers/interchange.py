"""Read a Scrutineer federation record, as far as one reports a flaw.

In comes the parsed in-toto statement; out comes a draft that is a hint, or a refusal. Only a
certificate that a fix did not hold tells of a live flaw. Claims carry a salted hash and a contact
and no finding; opt-outs and routes concern the one who scans; each is refused with the door where
it belongs.

Source: Scrutineer interchange schema v1; in-toto Statement v1.
"""

from clearhouse.clearing.intake.readers.document import Node
from clearhouse.clearing.intake.readers.result import Drafts, Fault, ReadRefusal
from clearhouse.clearing.intake.readers.settle import settled
from clearhouse.clearing.intake.record import Draft, Notice
from clearhouse.formats.strict_json import Json

_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATES = "https://github.com/alpha-omega-security/scrutineer/interchange/"
_FAILED = {
    "bypass": "The fix of {} can be circumvented",
    "variant": "The bug class of {} is still open elsewhere",
    "regressed": "The reproduction of {} works again",
}
_REFUSED = {
    "certificate/v1": ("no_flaw", "the record says that a fix holds", "keep it as evidence"),
    "claim/v1": (
        "no_body",
        "a claim is a hash of a finding and carries no finding",
        "ask whether the flaw is known, or send the finding itself",
    ),
    "optout/v1": (
        "no_flaw",
        "an opt-out reports no flaw",
        "give it to those who scan the repository",
    ),
    "route/v1": ("no_flaw", "a route reports no flaw", "register the contact of the project"),
}


def recognised(members: dict[str, Json]) -> bool:
    """Say whether a document is an in-toto statement."""
    return str(members.get("_type", "")).startswith("https://in-toto.io/Statement/")


def read(document: dict[str, Json]) -> Drafts:
    """Read one record."""
    node = Node(document)
    kind = (node.text("predicateType") or "").removeprefix(_PREDICATES)
    if node.text("_type") != _STATEMENT or kind not in {*_REFUSED, "certificate/v2"}:
        return ReadRefusal(
            code="unsupported_statement",
            fault=Fault.UNSUPPORTED,
            reason="not a statement of the Scrutineer interchange that is read here",
            remedy="send the finding in OSV, CSAF, SARIF, TAP or in words",
            place="/predicateType",
        )
    if kind in _REFUSED:
        code, reason, remedy = _REFUSED[kind]
        return ReadRefusal(
            code=code,
            fault=Fault.CONTENT,
            reason=reason,
            remedy=remedy,
            place="/predicateType",
        )
    return _hint(node)


def _hint(node: Node) -> Drafts:
    predicate = node.node("predicate")
    advisory, status = predicate.text("advisory"), predicate.text("status")
    repository = predicate.text("repository")
    if advisory is None or repository is None or status not in _FAILED:
        return ReadRefusal(
            code="missing_field",
            fault=Fault.DOCUMENT,
            reason="a certificate names repository, advisory and a status of its schema",
            remedy="give bypass, variant or regressed as status",
            place="/predicate",
        )
    commit, url = predicate.text("commit"), predicate.text("advisory_url")
    # The advisory's id belongs to the flaw that was fixed; this one is another.
    draft = Draft(
        title=_FAILED[status].format(advisory)[:300],
        repository=repository,
        commits=(commit,) if commit else (),
        references=(url,) if url else (),
        unknown={"mentioned_ids": [advisory]},
        notices=(
            Notice(
                code="hint_only",
                field=predicate.place,
                reason="a federation record names a flaw without describing it; ask its sender",
            ),
        ),
    )
    return (settled(draft, node),)
