"""What may be said to whom, and until when.

In: a case, a reader and an instant. Out: a `Disclosure`: which parts, under which TLP label,
until which instant, in one sentence that a person or an agent can act on. Refused: everybody
who is not read in; the sentence for them is the same for every case, so it says nothing of it.
Source: TLP 2.0; tiers after the Akrites read-in tier policy.
"""

from collections.abc import Collection
from datetime import datetime

from clearhouse.clearing.coordinate.embargo_policy import EmbargoPolicy, Share
from clearhouse.clearing.coordinate.record import Case, Disclosure, Participant
from clearhouse.formats.tlp import Tlp

NOT_READ_IN = Disclosure(
    allowed=False,
    shares=(),
    tlp=Tlp.RED,
    until=None,
    sentence="Nothing may be said: you are not read in.",
)

_WORDS = {
    Share.SUMMARY: "the summary",
    Share.DETAILS: "the details",
    Share.PROOF: "the proof of concept",
    Share.PATCH: "the patch",
    Share.ARTIFACT: "the files to stage",
    Share.TIMING: "the time of publication",
}
_TO_WHOM = {
    Tlp.RED: "Share it with nobody else",
    Tlp.AMBER_STRICT: "Share it only inside your organisation, with those who need to know",
    Tlp.AMBER: "Share it only with those in your organisation and its clients who need to know",
    Tlp.GREEN: "Share it inside your community, not in public",
    Tlp.CLEAR: "Share it with anybody",
}


def disclosure(
    case: Case, reader: Collection[str], policy: EmbargoPolicy, at: datetime
) -> Disclosure:
    """Return what a reader may see of a case at an instant.

    `reader` holds the principals of the reader: its own id, its party, its groups.
    """
    if case.published_at is not None and case.published_at <= at:
        return _public(case.published_at)
    read_in = [one for one in case.participants if one.actor in reader and one.reads(at)]
    if not read_in:
        return NOT_READ_IN
    return _private(case, min(read_in, key=lambda one: one.tier), policy, at)


def _public(since: datetime) -> Disclosure:
    return Disclosure(
        allowed=True,
        shares=(Share.SUMMARY, Share.DETAILS, Share.TIMING),
        tlp=Tlp.CLEAR,
        until=None,
        sentence=f"Public since {utc(since)}: the advisory may be shared with anybody "
        f"({Tlp.CLEAR.value}).",
    )


def _private(
    case: Case, participant: Participant, policy: EmbargoPolicy, at: datetime
) -> Disclosure:
    rule = policy.tier(participant.tier)
    until = case.embargo.instant if case.embargo.holds(at) else None
    parts = _listed([_WORDS[share] for share in rule.sees])
    return Disclosure(
        allowed=True,
        shares=rule.sees,
        tlp=rule.tlp,
        until=until,
        sentence=f"You may see {parts}. {_TO_WHOM[rule.tlp]} ({rule.tlp.value}) "
        f"{_until(case, until)}.",
    )


def _until(case: Case, until: datetime | None) -> str:
    if until is not None:
        return f"until {utc(until)}, when the embargo ends by rule {case.embargo.rule}"
    if case.embargo.eligible:
        return f"until the advisory is out; the embargo of rule {case.embargo.rule} is over"
    return f"until the advisory is out; no embargo holds ({case.embargo.rule})"


def _listed(words: list[str]) -> str:
    """Join words as a sentence does."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def utc(instant: datetime) -> str:
    """Return an instant as text, with its hour and time zone in plain view."""
    return instant.strftime("%Y-%m-%d %H:%M UTC")
