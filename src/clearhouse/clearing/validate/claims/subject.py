"""Say whether the text speaks of the package that the report is filed against.

Contradicted only when the text never names the package in any spelling, and uses exactly one other
known package of the same registry as one uses a target: installed, imported, or with a version.
"""

import re
from collections.abc import Iterator

from packageurl import PackageURL

from clearhouse.clearing.deconflict.known import Known
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate.claims.answer import contradicted, holds, uncheckable
from clearhouse.clearing.validate.claims.words import text_of
from clearhouse.clearing.validate.record import Claim, ClaimCheck

_MIN_NAME = 4
"""Shorter names are too often ordinary words."""
_IMPORT_NAMES = {
    "pyyaml": ("yaml",),
    "pyjwt": ("jwt",),
    "pillow": ("PIL",),
    "beautifulsoup4": ("bs4",),
    "scikit-learn": ("sklearn",),
    "python-dateutil": ("dateutil",),
    "opencv-python": ("cv2",),
    "pycryptodome": ("Crypto",),
    "protobuf": ("google.protobuf",),
    "msgpack-python": ("msgpack",),
    "attrs": ("attr",),
    "setuptools": ("pkg_resources",),
    "python-multipart": ("multipart",),
    "djangorestframework": ("rest_framework",),
    "gitpython": ("git",),
}
"""Package names whose import name cannot be derived."""


def check_subject(draft: Draft, known: Known) -> Iterator[ClaimCheck]:
    """Compare the package of the report with the packages that its text uses."""
    if draft.purl is None:
        return
    text = text_of(draft)
    if not text:
        return
    if _names(draft.purl, text, draft):
        yield holds(Claim.PACKAGE_NAMED, draft.purl, "The text names the package.")
        return
    others = sorted(other for other in _peers(draft.purl, known) if _uses(other, text))
    if len(others) == 1:
        yield contradicted(
            Claim.PACKAGE_NAMED,
            draft.purl,
            f"The text never names this package; what it uses is {others[0]}.",
            "the report itself",
        )
    else:
        yield uncheckable(Claim.PACKAGE_NAMED, draft.purl, "The text names no package for sure.")


def spellings(purl: str) -> tuple[str, ...]:
    """Return how texts write a package: its name, its import name, and plain forms of both."""
    name = PackageURL.from_string(purl).name
    stem = re.sub(r"^(?:python|node|py)-?|-?(?:js|py|python|node)$|\.js$", "", name)
    found = (name, name.replace("-", "_"), name.replace("-", " "), stem)
    return tuple(
        dict.fromkeys(one for one in (*found, *_IMPORT_NAMES.get(name.lower(), ())) if one)
    )


def _names(purl: str, text: str, draft: Draft) -> bool:
    """Say whether the package is named in the words, paths or functions of the report."""
    places = [part for place in draft.locations for part in (place.file, place.function) if part]
    whole = "\n".join((text, draft.software or "", draft.repository or "", *places)).lower()
    return any(one.lower() in whole for one in spellings(purl))


def _peers(purl: str, known: Known) -> Iterator[str]:
    """Give the other known packages of the same registry with a distinctive name."""
    kind, _, _ = purl.partition("/")
    listed = {*known.release_lists, *(p.purl for v in known.vulnerabilities for p in v.packages)}
    for other in sorted(listed - {purl}):
        if other.startswith(kind + "/") and len(PackageURL.from_string(other).name) >= _MIN_NAME:
            yield other


def _uses(purl: str, text: str) -> bool:
    """Say whether the text installs or imports a package, or names it with a version."""
    for one in spellings(purl):
        name = re.escape(one)
        used = (
            rf"\bimport\s+{name}\b|\bfrom\s+{name}[\s.]|require\(\s*['\"]{name}['\"/]"
            rf"|\b(?:pip|npm)\s+(?:install|i)\s+(?:-\S+\s+)*{name}\b"
            rf"|\b{name}(?:\s+v?|==|@)\d+\.\d+|\b{name}[./]\w+\("
        )
        if len(one) >= _MIN_NAME and re.search(used, text, re.IGNORECASE):
            return True
    return False
