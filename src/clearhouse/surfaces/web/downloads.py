"""Files on their way out: as attachments that no browser opens in our name.

In: a file name, maybe a stranger's. Out: headers. Refused: nothing; characters that are not plain
are replaced, because names also end up in command lines.
Source: RFC 6266; RFC 8187 is avoided on purpose, because hidden characters deceive in names.
"""

import re
from collections.abc import Mapping

_OTHER = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 120


def plain_name(name: str) -> str:
    """Return a file name of plain characters without a path, never empty or hidden."""
    last = name.replace("\\", "/").rpartition("/")[2][-_LONGEST_NAME:]
    return _OTHER.sub("_", last).strip("._") or "file"


def as_attachment(name: str) -> Mapping[str, str]:
    """Return headers under which a browser stores the body and never shows it."""
    return {
        "content-disposition": f'attachment; filename="{plain_name(name)}"',
        "content-security-policy": "default-src 'none'; sandbox",
        "cache-control": "no-store",
    }
