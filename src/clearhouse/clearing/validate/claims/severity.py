"""Say whether the CVSS vector agrees with the stated severity and with the words.

A severity is an opinion, so only the two ends of the scale contradict each other. A vector without
any impact contradicts words that claim code execution.

Source: CVSS v3.1 §5 and CVSS v4.0 §6, qualitative severity rating scale.
"""

import re
from collections.abc import Iterator

from cvss import CVSS3, CVSS4
from cvss.exceptions import CVSSError

from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate.claims.answer import contradicted, holds, uncheckable
from clearhouse.clearing.validate.record import Claim, ClaimCheck

_BANDS = ("none", "low", "medium", "high", "critical")
_FAR = 3
"""Bands apart that no difference of opinion explains: low against critical."""
_NO_IMPACT = {
    "CVSS:3": re.compile(r"(?=.*/C:N)(?=.*/I:N)(?=.*/A:N)"),
    "CVSS:4": re.compile(r"(?=.*/VC:N)(?=.*/VI:N)(?=.*/VA:N)(?=.*/SC:N)(?=.*/SI:N)(?=.*/SA:N)"),
}
_EXECUTION = re.compile(
    r"\b(?:remote code execution|arbitrary code execution|RCE)\b", re.IGNORECASE
)


def check_severity(draft: Draft) -> Iterator[ClaimCheck]:
    """Compare each CVSS vector with the severity word and the title."""
    for vector in draft.cvss_vectors:
        band = rating(vector)
        if band is None:
            yield uncheckable(
                Claim.SEVERITY, vector, "Not a vector that CVSS 3 or 4 can score.", "CVSS"
            )
            continue
        yield _against_word(vector, band, draft.severity)
        if _EXECUTION.search(draft.title or "") and _NO_IMPACT[vector[:6]].search(vector):
            yield contradicted(
                Claim.SEVERITY,
                vector,
                "The title claims code execution, the vector claims no impact at all.",
                "the report itself",
            )


def rating(vector: str) -> str | None:
    """Return the qualitative rating of a CVSS 3.x or 4.0 vector, or None when it is none."""
    try:
        if vector.startswith("CVSS:4."):
            return str(CVSS4(vector).severity).lower()
        if vector.startswith("CVSS:3."):
            return str(CVSS3(vector).severities()[0]).lower()
    except CVSSError:
        return None
    return None


def _against_word(vector: str, band: str, word: str | None) -> ClaimCheck:
    stated = (word or "").strip().lower().replace("moderate", "medium")
    if stated not in _BANDS:
        return uncheckable(Claim.SEVERITY, vector, f"The vector says {band}; no word to compare.")
    apart = abs(_BANDS.index(stated) - _BANDS.index(band))
    reason = f"The vector says {band}, the report says {stated}."
    if apart >= _FAR:
        return contradicted(Claim.SEVERITY, vector, reason, "the report itself")
    if apart == 0:
        return holds(Claim.SEVERITY, vector, reason, "the report itself")
    return uncheckable(Claim.SEVERITY, vector, f"{reason} Opinions differ.", "the report itself")
