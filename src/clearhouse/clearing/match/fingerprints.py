"""The fingerprints by which a report is looked up blindly.

In: a report. Out: what independent finders of one bug may have in common, at each grain that the
report has. A place and a crash count inside their package; the hash of a proof and the id of a
patch stand for themselves, so that two names of one package do not part them.
"""

import re
from collections.abc import Iterator, Mapping

from clearhouse.clearing.deconflict.blind.record import Fingerprint, Grain
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.match._compare import crash_key, family
from clearhouse.clearing.match.keys import exact_keys
from clearhouse.clearing.match.record import KeyKind

_GRAINS: Mapping[KeyKind, Grain] = {
    KeyKind.PLACE: Grain.PLACE,
    KeyKind.PATCH: Grain.PATCH,
    KeyKind.POC: Grain.POC,
    KeyKind.CRASH: Grain.CRASH,
}
_IN_PACKAGE = {Grain.PLACE, Grain.CRASH}


def _names(draft: Draft) -> Iterator[Fingerprint]:
    """Give the coarse grains: names alone, in the spelling that differs least."""
    for place in draft.locations if draft.purl is not None else ():
        if place.function:
            name = re.split(r"[.:#]+", place.function.rstrip("()"))[-1]
            yield Fingerprint(grain=Grain.FUNCTION, package=draft.purl, value=name.lower())
        if place.file:
            base = place.file.rsplit("/", 1)[-1]
            yield Fingerprint(grain=Grain.FILE, package=draft.purl, value=base.lower())


def fingerprints(draft: Draft) -> tuple[Fingerprint, ...]:
    """Return the fingerprints of a report, sorted, each once."""
    crash = crash_key(draft.crash_log) if draft.crash_log else None
    found = set(_names(draft)) | {
        Fingerprint(
            grain=grain, package=draft.purl if grain in _IN_PACKAGE else None, value=key.value
        )
        for key in exact_keys(draft, family=family, crash=crash)
        if (grain := _GRAINS.get(key.kind)) is not None
        and (draft.purl is not None or grain not in _IN_PACKAGE)
    }
    return tuple(sorted(found, key=lambda one: (one.grain, one.package or "", one.value)))
