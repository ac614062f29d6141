"""The words of an advisory, composed from structured fields.

In: `AdvisoryFacts` and the affected versions. Out: one line, a few sentences, the statement about
the fix, and texts free of what would break a document. Refused: nothing; where the coordinator
wrote something, that is used instead.

A reporter's prose never comes in here: it is data from a stranger, may carry instructions for
whoever reads the advisory next, and may say more than the embargo allows.
"""

import re
from typing import Final

from clearhouse.clearing.publish.record import AdvisoryFacts, Withdrawal
from clearhouse.clearing.publish.versions import AffectedVersions, Span
from clearhouse.formats import cwe
from clearhouse.formats import purl as purls

_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)
_WEB: Final = re.compile(
    r"https?://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?"
    r"(?:[/?#](?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
    r"(?:#(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
)
_PILLARS: Final = frozenset(
    f"CWE-{number}" for number in (284, 435, 664, 682, 691, 693, 697, 703, 707, 710)
)
"""Weaknesses at the top of the research view; everything else without a parent is a category."""
CWE_ID: Final = re.compile(r"CWE-[1-9]\d{0,4}", re.ASCII)
ENGINE: Final = "Clearhouse"
"""The software that documents name as their author's tool."""
SUMMARY_LIMIT: Final = 120
"""Characters; what OSV recommends for one line."""


def clean(text: str) -> str:
    """Return a text without what is invisible or cannot be encoded.

    Control and direction characters go, because they can make a page show something else.
    """
    return _INVISIBLE.sub("", encodable(text.replace("\r\n", "\n"))).strip()


def encodable(text: str) -> str:
    """Return a text with each half surrogate replaced, and nothing else changed."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def is_web_address(text: str) -> bool:
    """Answer whether a text is an http(s) address that every reader takes the same way."""
    return len(text) <= 2048 and _WEB.fullmatch(text) is not None


def weakness_name(cwe_id: str) -> str | None:
    """Return the exact name of a weakness; None for a category or an id that is not known here.

    CSAF takes weaknesses only, each with the name that the list gives it (test 6.1.11).
    """
    found = cwe.weakness(cwe_id)
    if found is None or not (found.parents or found.id in _PILLARS):
        return None
    return found.name


def software(facts: AdvisoryFacts) -> str:
    """Return the name of the software for people."""
    found = purls.parse(facts.purl)
    whole = "/".join(part for part in (found.namespace, found.name) if part)
    return clean(facts.software or "") or whole


def vendor(facts: AdvisoryFacts) -> str:
    """Return the vendor's name, or a plain description where none is known."""
    return clean(facts.vendor_name or "") or f"{software(facts)} project"


def summary(facts: AdvisoryFacts) -> str:
    """Return the advisory in one line."""
    own = " ".join(clean(facts.summary or "").split())
    line = own or shortened(f"{_weakness(facts)} in {software(facts)}", SUMMARY_LIMIT)
    return f"Withdrawn: {line}" if facts.withdrawn else line


def details(facts: AdvisoryFacts, affected: AffectedVersions) -> str:
    """Return what an operator needs to know: where, which versions, and what to do.

    A withdrawn advisory says so first.
    """
    if facts.withdrawn is not None:
        return "\n\n".join([withdrawal(facts.withdrawn), _details(facts, affected)])
    return _details(facts, affected)


def withdrawal(withdrawn: Withdrawal) -> str:
    """Say that an advisory no longer holds, and why."""
    reason = clean(withdrawn.reason)
    if withdrawn.duplicate_of is None:
        return f"Withdrawn: {reason}"
    return f"Withdrawn as a duplicate of {withdrawn.duplicate_of}: {reason}"


def _details(facts: AdvisoryFacts, affected: AffectedVersions) -> str:
    own = clean(facts.details or "")
    if own:
        return own
    sentences = [
        f"{_weakness(facts)} in {software(facts)} ({facts.purl}).",
        f"Affected: {affected_words(affected)}.",
        fix_statement(affected),
    ]
    if facts.exploited_since is not None:
        sentences.append("Exploitation has been observed.")
    return "\n\n".join(sentences)


def fix_statement(affected: AffectedVersions) -> str:
    """Say what to update to, or that no fix is known."""
    if not affected.fixed:
        return "No fix is known."
    return f"Update to {_either(affected.fixed)} or later."


def span_words(span: Span) -> str:
    """Say one stretch of versions in words."""
    start = None if span.introduced is None else f"from {span.introduced}"
    end = None
    if span.fixed is not None:
        end = f"before {span.fixed}"
    if span.last_affected is not None:
        end = f"up to and including {span.last_affected}"
    return " ".join(part for part in (start, end) if part) or "every version"


def mitigations(facts: AdvisoryFacts) -> tuple[str, ...]:
    """Return what helps whoever cannot update; nothing where nothing is known."""
    return tuple(text for one in facts.mitigations if (text := clean(one)))


def affected_words(affected: AffectedVersions) -> str:
    """Say all affected versions in words."""
    words = [span_words(span) for span in affected.spans]
    if affected.versions:
        words.append(f"{'also ' if words else ''}version {', '.join(affected.versions)}")
    return "; ".join(words)


def _weakness(facts: AdvisoryFacts) -> str:
    names = (weakness_name(one) for one in facts.cwes if CWE_ID.fullmatch(one))
    return next((name for name in names if name is not None), "A vulnerability")


def shortened(text: str, limit: int) -> str:
    """Return a text of at most so many characters, with an ellipsis where it was cut."""
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}\u2026"


def _either(versions: tuple[str, ...]) -> str:
    """Join versions as a choice; each is the first fix of its own branch."""
    return versions[0] if len(versions) == 1 else f"{', '.join(versions[:-1])} or {versions[-1]}"
