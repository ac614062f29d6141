"""What exact keys and plain facts say about two reports, for and against.

In come the features of two reports in the clear, out come reasons. None of them merges anything;
`rules.proof` decides what is proof.
"""

from clearhouse.clearing.match.record import Features, KeyKind, Reason, ReasonCode
from clearhouse.formats import vers

_KEY_REASONS = {
    KeyKind.PUBLIC_ID: (ReasonCode.SAME_PUBLIC_ID, 0.95, "Both claim the public id {}."),
    KeyKind.POC: (ReasonCode.SAME_POC, 0.95, "Both bring the same proof of concept, bit by bit."),
    KeyKind.PATCH: (ReasonCode.SAME_PATCH, 0.95, "Both bring a patch with the same changes."),
    KeyKind.PLACE: (ReasonCode.SAME_PLACE, 0.55, "Both blame {} for the same family of weakness."),
    KeyKind.CRASH: (ReasonCode.SAME_CRASH, 0.5, "Both crash the same way in the same frames."),
    KeyKind.COMMIT: (ReasonCode.SAME_COMMIT, 0.5, "Both say that it was {}."),
}


def key_reasons(new: Features, old: Features) -> list[Reason]:
    """Say which exact keys two reports share."""
    shared = sorted(set(new.keys) & set(old.keys))
    reasons = []
    for kind in sorted({key.kind for key in shared}):
        values = tuple(key.value for key in shared if key.kind is kind)
        code, weight, text = _KEY_REASONS[kind]
        said = text.format(values[0].rpartition("#")[0] or values[0])
        reasons.append(Reason(code=code, text=said, weight=weight, evidence=values))
    return reasons


def _rival_ids(new: Features, old: Features) -> list[tuple[str, str]]:
    """Pair up different ids of one scheme; a CVE and a GHSA id may well be the same flaw."""
    ours, theirs = _ids_by_scheme(new), _ids_by_scheme(old)
    return [
        (min(ours[scheme]), min(theirs[scheme]))
        for scheme in sorted(ours.keys() & theirs.keys())
        if not ours[scheme] & theirs[scheme]
    ]


def _ids_by_scheme(features: Features) -> dict[str, set[str]]:
    schemes: dict[str, set[str]] = {}
    for key in features.keys:
        if key.kind is KeyKind.PUBLIC_ID:
            schemes.setdefault(key.value.partition("-")[0], set()).add(key.value)
    return schemes


def rivals(new: Features, old: Features) -> tuple[Reason, ...]:
    """Collect what speaks against two reports being one bug, without any words of theirs."""
    reasons = []
    for ours, theirs in _rival_ids(new, old):
        said = f"They claim different public ids: {ours} and {theirs}."
        reasons.append(Reason(code=ReasonCode.OTHER_PUBLIC_ID, text=said, weight=-0.6))
    if new.families and old.families and not set(new.families) & set(old.families):
        said = f"They name different weaknesses: {new.families[0]} and {old.families[0]}."
        reasons.append(Reason(code=ReasonCode.OTHER_FAMILY, text=said, weight=-0.25))
    return tuple(reasons)


def after_fix(new: Features, old: Features) -> tuple[Reason, ...]:
    """Say that the new report saw the flaw in a version that the earlier one calls fixed.

    Both must share a key. A fix may be named for each line of releases; a version counts as fixed
    when none of them is above it. Versions that their ecosystem cannot order are not compared.
    """
    if not set(new.keys) & set(old.keys) or new.package != old.package or new.tested is None:
        return ()
    scheme = vers.scheme_of((new.package or "").removeprefix("pkg:").partition("/")[0])
    if not (scheme and old.fixed and all(_not_before(scheme, new.tested, f) for f in old.fixed)):
        return ()
    fixes = " and ".join(old.fixed)
    said = f"It was seen in {new.tested}, and the earlier report says that {fixes} is fixed."
    return (Reason(code=ReasonCode.AFTER_FIX, text=said, weight=-0.2),)


def _not_before(scheme: str, version: str, fix: str) -> bool:
    try:
        return vers.compare(scheme, version, fix) >= 0
    except vers.VersError:
        return False
