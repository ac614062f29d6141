"""Catalogues of known exploited vulnerabilities, as CISA publishes them: JSON or CSV.

In: bytes. Out: entries by CVE id. Refused with `UnreadableError`: a catalogue without entries, or
an entry without a CVE id or a date, because half a catalogue would pass for a whole one.
Source: CISA KEV catalogue schema.
"""

import csv
import io
from collections.abc import Mapping
from datetime import date

from clearhouse.clearing.deconflict.reading import UnreadableError, read_kev
from clearhouse.clearing.deconflict.record import KevEntry


def recognised(data: bytes) -> bool:
    """Answer whether the first bytes are those of a catalogue."""
    head = data[:4096]
    return (
        b'"catalogVersion"' in head
        or head.lstrip(b"\xef\xbb\xbf").lower().startswith(b"cveid,")
        or (head.lstrip(b"\xef\xbb\xbf").lower().startswith(b'"cveid",'))
    )


def read(data: bytes) -> Mapping[str, KevEntry]:
    """Read a catalogue.

    Raises: UnreadableError.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"byte {error.start}: not UTF-8") from error
    found = read_kev(text) if text.lstrip().startswith("{") else _csv(text)
    if not found:
        raise UnreadableError("vulnerabilities: the catalogue has no entry")
    return found


def _csv(text: str) -> dict[str, KevEntry]:
    found = {}
    table = csv.DictReader(io.StringIO(text, newline=""))
    for row in table:
        cve, added = (row.get("cveID") or "").upper(), _day(row.get("dateAdded"))
        if not cve.startswith("CVE-") or added is None:
            raise UnreadableError(f"line {table.line_num}: needs cveID and dateAdded")
        found[cve] = KevEntry(
            cve=cve,
            added=added,
            due=_day(row.get("dueDate")),
            ransomware=True if row.get("knownRansomwareCampaignUse") == "Known" else None,
            name=row.get("vulnerabilityName"),
        )
    return found


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None
