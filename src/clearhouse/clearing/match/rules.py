"""Rules of match: what is proof that two reports are one bug, and what holds a merge back.

In come features and what people have said, out comes either a proof or the reasons why a shared key
is only a suggestion. Similarity never gets this far (design, law 4). A report that validation has
contradicted merges into nothing by itself, whatever keys it carries: anybody can copy an id.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.match.evidence import after_fix, rivals
from clearhouse.clearing.match.keys import exact_keys
from clearhouse.clearing.match.record import ExactKey, Features, KeyKind, Reason, ReasonCode
from clearhouse.clearing.match.sketch import MAX_CHARS

RULE = "match-proof-1"
"""Name and version of the rule that automatic merges are attributed to."""

AGREES_AT = 0.1
"""An id is only a claim: it joins two reports when at least this share of their words agrees."""

_WORD = re.compile(r"[^\W_]{2}")
_OTHER_TEXT = "They claim the same id but describe it in quite different words."
_PROOFS = {
    KeyKind.PUBLIC_ID: (ReasonCode.SAME_PUBLIC_ID, "Both claim {} in the same package."),
    KeyKind.POC: (ReasonCode.SAME_POC, "The proofs of concept are the same bytes."),
    KeyKind.PATCH: (ReasonCode.SAME_PATCH, "The patches make the same changes."),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """Whether two reports are proven to be one bug, with everything that was weighed."""

    proven: bool
    reasons: tuple[Reason, ...]
    """The proofs first, then what holds the merge back."""


def features(
    draft: Draft,
    *,
    family: Callable[[str], str],
    canonical_id: Callable[[str], str] = str.upper,
    crash: str | None = None,
) -> Features:
    """Take from a report what the matcher compares."""
    return Features(
        package=draft.purl,
        keys=exact_keys(draft, family=family, canonical_id=canonical_id, crash=crash),
        families=tuple(sorted({family(cwe) for cwe in draft.cwes})),
        tested=draft.tested_version,
        fixed=draft.fixed_versions,
        missing=tuple(_missing(draft)),
    )


def _missing(draft: Draft) -> Iterator[str]:
    if draft.purl is None:
        yield "No package is named, so nothing that it shares with another report is proof."
    text = draft.description or ""
    if not _says_anything(draft):
        yield "The report has no text to compare."
    elif 3 * (len(text) - len(text.encode("ascii", "ignore"))) > len(text):
        yield "It is mostly in another script: names, code and numbers are compared, words hardly."
    if len(text) > MAX_CHARS:
        yield f"Only its first {MAX_CHARS:,} characters are compared."


def _says_anything(draft: Draft) -> bool:
    said = (draft.title, draft.description, draft.trigger, draft.impact, draft.crash_log)
    return bool(draft.locations) or any(_WORD.search(part) for part in said if part)


def proof(new: Features, old: Features, *, contained: float, contradicted: bool) -> Ruling:
    """Decide whether shared keys prove that two reports are one bug.

    `contained` is the weighted share of the shorter text that is in the other, 0 to 1, and
    `contradicted` says that validation has refuted a claim of one of the two.
    """
    proofs = _proofs(new, old)
    held = _held_back(new, old, contradicted=contradicted)
    if {reason.code for reason in proofs} == {ReasonCode.SAME_PUBLIC_ID} and contained < AGREES_AT:
        held += (Reason(code=ReasonCode.OTHER_TEXT, text=_OTHER_TEXT, weight=-0.4),)
    return Ruling(proven=bool(proofs) and not held, reasons=proofs + held)


def _proofs(new: Features, old: Features) -> tuple[Reason, ...]:
    shared = sorted(key for key in set(new.keys) & set(old.keys) if key.kind.proves)
    return tuple(_proof_reason(key) for key in shared)


def _proof_reason(key: ExactKey) -> Reason:
    code, text = _PROOFS[key.kind]
    return Reason(code=code, text=text.format(key.value), weight=1.0, evidence=(key.value,))


def _held_back(new: Features, old: Features, *, contradicted: bool) -> tuple[Reason, ...]:
    held = [*rivals(new, old), *after_fix(new, old)]
    if new.package is None or new.package != old.package:
        said = "They are not known to be about the same package."
        held.append(Reason(code=ReasonCode.OTHER_PACKAGE, text=said, weight=-0.5))
    if contradicted:
        said = "A claim of one of the two has been refuted, so it proves nothing."
        held.append(Reason(code=ReasonCode.UNTRUSTED, text=said, weight=-1.0))
    if _several_ids(new) or _several_ids(old):
        said = "One of the two claims several public ids, so an id does not tell which it means."
        held.append(Reason(code=ReasonCode.OTHER_PUBLIC_ID, text=said, weight=-0.3))
    return tuple(held)


def _several_ids(features: Features) -> bool:
    """Say whether a report claims more than one CVE; other ids may be aliases of one flaw."""
    ids = {k.value for k in features.keys if k.kind is KeyKind.PUBLIC_ID}
    return len({i for i in ids if i.startswith("CVE-")}) > 1
