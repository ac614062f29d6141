"""The instant until which a case is kept back, and why it is that instant.

In: one versioned policy and the facts of one case. Out: an `Embargo`: an instant in UTC or none,
the rule that fired, and every other rule with its own instant and the reason it did not win.
Refused: facts without a time zone.

1. Each rule that applies gives a candidate; a rule whose clock has not started waits.
2. Terms set a length. The fallback counts only when there is no term. Caps only shorten.
3. The earliest candidate wins; precedence names the rule when two are equal.
4. When the policy knows a bar (already public, public tooling), there is no embargo.
5. A rule that two persons set aside counts at their instant when that is later; a bar that they set
   aside bars nothing, and their instant caps the embargo.

All arithmetic is on UTC instants, so no daylight-saving change moves anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from clearhouse.clearing.coordinate.embargo_policy import (
    Applies,
    Bar,
    Clock,
    EmbargoPolicy,
    Kind,
    NoEmbargo,
    Rule,
)
from clearhouse.clearing.intake.record import Tooling


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectPolicy:
    """A disclosure policy that an affected project has published."""

    length: timedelta
    """Counted from the receipt of the report."""
    source: str
    """Where the policy stands, for example the address of a SECURITY.md."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    """A list or coordinator that the case went through, with rules of its own."""

    name: str
    contacted_at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "contacted_at", _utc(self.contacted_at))


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiver:
    """A rule of the policy that two persons set aside until an instant."""

    rule: str
    """The id of a rule, or of a reason against any embargo."""
    until: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "until", _utc(self.until))


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbargoFacts:
    """Everything the instant depends on. `None` means not known to have happened."""

    received_at: datetime
    """When the earliest report of the case was accepted."""
    project_policies: tuple[ProjectPolicy, ...] = ()
    negotiated: datetime | None = None
    """The date agreed with the vendor, who owns it."""
    inherited: datetime | None = None
    """The earliest instant that cases joined to this one had promised."""
    channels: tuple[Channel, ...] = ()
    finder_policies: tuple[str, ...] = ()
    """Names of the disclosure policies that finders of this case announced."""
    exploited_since: datetime | None = None
    public_since: datetime | None = None
    exploit_public_since: datetime | None = None
    fix_ready_at: datetime | None = None
    fix_released_at: datetime | None = None
    tooling: Tooling = Tooling.UNKNOWN
    waivers: tuple[Waiver, ...] = ()
    """What two persons set aside; the policy of exceptions says what may be."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, datetime):
                object.__setattr__(self, field.name, _utc(value))


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """Facts that became known after the case was opened. `None` says nothing."""

    exploited_since: datetime | None = None
    public_since: datetime | None = None
    exploit_public_since: datetime | None = None
    fix_ready_at: datetime | None = None
    fix_released_at: datetime | None = None
    channel: Channel | None = None
    finder_policy: str | None = None
    received_at: datetime | None = None
    """An earlier report of the same flaw."""
    tooling: Tooling | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """The names of the facts that it holds."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) is not None)


class Effect(StrEnum):
    """What became of one rule."""

    WON = "won"
    LATER = "later"
    NOT_NEEDED = "not-needed"
    WAITING = "waiting"
    NOT_APPLICABLE = "not-applicable"
    BARRED = "barred"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Considered:
    """One rule, its candidate instant, and why it did or did not win."""

    rule: str
    instant: datetime | None
    effect: Effect
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Embargo:
    """Until when a case is kept back. Without an instant there is no embargo."""

    instant: datetime | None
    """UTC, whole seconds; None exactly when the case is not eligible."""
    rule: str
    """The id of the rule or bar that decided."""
    policy: str
    version: int
    eligible: bool
    reason: str
    needs_rationale: bool
    """The embargo is longer than the policy allows without a written reason."""
    considered: tuple[Considered, ...]
    facts: EmbargoFacts

    def holds(self, at: datetime) -> bool:
        """Return whether the case must still be kept back at an instant."""
        return self.instant is not None and at < self.instant


@dataclass(frozen=True, kw_only=True, slots=True)
class _Candidate:
    rule: Rule
    instant: datetime | None
    """None when the rule does not apply or its clock has not started."""
    reason: str
    applies: bool = True

    @property
    def order(self) -> tuple[datetime, int, str, str]:
        """Earliest first, then precedence; ids settle the rest, so that the result is one."""
        last = datetime.max.replace(tzinfo=UTC)
        return (self.instant or last, self.rule.precedence, self.rule.id, self.reason)


def compute(policy: EmbargoPolicy, facts: EmbargoFacts) -> Embargo:
    """Return the embargo that a policy gives to the facts of a case."""
    candidates = [found for rule in policy.rules for found in _candidates(rule, facts)]
    candidates += _limits(policy, facts)
    winner = _winner(candidates)
    bar = _bar(policy, facts)
    return Embargo(
        instant=None if bar else winner.instant,
        rule=bar.id if bar else winner.rule.id,
        policy=policy.id,
        version=policy.version,
        eligible=bar is None,
        reason=bar.sentence if bar else winner.reason,
        needs_rationale=bar is None and _is_long(policy, facts, winner),
        considered=(
            *_considered_bars(policy, facts, bar),
            *(_considered(found, winner, candidates, bar) for found in candidates),
            *_unknown_names(policy, facts),
        ),
        facts=facts,
    )


def learned(facts: EmbargoFacts, news: News) -> EmbargoFacts:
    """Return the facts with the news. Of two instants for one fact the earlier stays.

    Public tooling stays public: what was exposed once is exposed.
    """
    channels, names = facts.channels, facts.finder_policies
    if news.channel is not None and news.channel.name not in {one.name for one in channels}:
        channels = (*channels, news.channel)
    if news.finder_policy is not None and news.finder_policy not in names:
        names = (*names, news.finder_policy)
    public = Tooling.PUBLIC in (facts.tooling, news.tooling)
    return replace(
        facts,
        received_at=_earlier(facts.received_at, news.received_at) or facts.received_at,
        channels=channels,
        finder_policies=names,
        exploited_since=_earlier(facts.exploited_since, news.exploited_since),
        public_since=_earlier(facts.public_since, news.public_since),
        exploit_public_since=_earlier(facts.exploit_public_since, news.exploit_public_since),
        fix_ready_at=_earlier(facts.fix_ready_at, news.fix_ready_at),
        fix_released_at=_earlier(facts.fix_released_at, news.fix_released_at),
        tooling=Tooling.PUBLIC if public else facts.tooling,
    )


def joined(facts: EmbargoFacts, other: EmbargoFacts, promised: datetime | None) -> EmbargoFacts:
    """Return the facts of two cases that turned out to be about one flaw.

    `promised` is the earliest instant that either had; the joined case keeps it.
    """
    both = learned(
        facts,
        News(
            received_at=other.received_at,
            exploited_since=other.exploited_since,
            public_since=other.public_since,
            exploit_public_since=other.exploit_public_since,
            fix_ready_at=other.fix_ready_at,
            fix_released_at=other.fix_released_at,
            tooling=other.tooling,
        ),
    )
    channels = {one.name: one for one in (*other.channels, *facts.channels)}
    return replace(
        both,
        project_policies=tuple(dict.fromkeys((*facts.project_policies, *other.project_policies))),
        negotiated=_earlier(facts.negotiated, other.negotiated),
        inherited=_earlier(_earlier(facts.inherited, other.inherited), promised),
        channels=tuple(channels.values()),
        finder_policies=tuple(dict.fromkeys((*facts.finder_policies, *other.finder_policies))),
        waivers=tuple(dict.fromkeys((*facts.waivers, *other.waivers))),
    )


def _earlier(known: datetime | None, new: datetime | None) -> datetime | None:
    if known is None or new is None:
        return known or new
    return min(known, new)


def _utc(instant: datetime) -> datetime:
    """Return the instant in UTC, cut to the second that has begun.

    Raises: ValueError when it has no time zone or lies outside the calendar.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    try:
        return instant.astimezone(UTC).replace(microsecond=0)
    except OverflowError as error:
        raise ValueError("an instant lies outside the calendar") from error


def _candidates(rule: Rule, facts: EmbargoFacts) -> list[_Candidate]:
    """Return what a rule gives; at least one candidate, so that no rule goes unmentioned."""
    given = _instants(rule, facts)
    if not given:
        return [_Candidate(rule=rule, instant=None, reason="", applies=False)]
    until = _waived(rule.id, facts)
    return [
        _Candidate(rule=rule, instant=instant, reason=reason)
        if until is None or instant is None or instant >= until
        else _Candidate(rule=rule, instant=until, reason=f"{reason} {_SET_ASIDE}")
        for instant, reason in given
    ]


_SET_ASIDE = "Two persons set it aside until this instant."


def _waived(name: str, facts: EmbargoFacts) -> datetime | None:
    """Return until when a rule or a bar is set aside, None when it is not."""
    return max((one.until for one in facts.waivers if one.rule == name), default=None)


def _limits(policy: EmbargoPolicy, facts: EmbargoFacts) -> list[_Candidate]:
    """Return a cap for each bar that was set aside: the embargo it would have barred ends there."""
    found = []
    for bar in policy.no_embargo_when:
        until = _waived(bar.id, facts)
        if until is not None and _bars(bar.when, facts):
            cap = Rule(
                id=f"exception:{bar.id}", kind=Kind.CAP, applies=Applies.ALWAYS, clock=Clock.GIVEN,
                precedence=1, sentence=f"{bar.sentence} {_SET_ASIDE}", source=policy.id,
            )  # fmt: skip
            found.append(_Candidate(rule=cap, instant=until, reason=cap.sentence))
    return found


def _instants(rule: Rule, facts: EmbargoFacts) -> list[tuple[datetime | None, str]]:
    if rule.applies is Applies.PROJECT_POLICY:
        return [
            (_after(facts.received_at, project.length), f"{rule.sentence} ({project.source})")
            for project in facts.project_policies
        ]
    if rule.applies is Applies.CHANNEL:
        named = [channel for channel in facts.channels if channel.name == rule.name]
        return [(_counted(rule, facts, channel), rule.sentence) for channel in named]
    given = {Applies.NEGOTIATED: facts.negotiated, Applies.INHERITED: facts.inherited}
    if rule.applies in given:
        instant = given[rule.applies]
        return [] if instant is None else [(instant, rule.sentence)]
    return [(_counted(rule, facts), rule.sentence)] if _concerns(rule, facts) else []


def _concerns(rule: Rule, facts: EmbargoFacts) -> bool:
    if rule.applies is Applies.FINDER_POLICY:
        return rule.name in facts.finder_policies
    if rule.applies is Applies.EXPLOITED:
        return facts.exploited_since is not None
    return rule.applies is Applies.ALWAYS


def _counted(rule: Rule, facts: EmbargoFacts, channel: Channel | None = None) -> datetime | None:
    """Return the end of the rule's length, None while its clock has not started."""
    start = _start(rule.clock, facts, channel)
    if start is None:
        return None
    end = _after(start, rule.length)
    fixed = facts.fix_released_at
    if rule.after_fix is not None and fixed is not None and fixed <= end:
        return _after(fixed, rule.after_fix)
    return end


def _start(clock: Clock, facts: EmbargoFacts, channel: Channel | None) -> datetime | None:
    if clock is Clock.CONTACTED and channel is not None:
        return channel.contacted_at
    if clock is Clock.FIX_READY:
        return facts.fix_ready_at or facts.fix_released_at
    if clock is Clock.EXPLOITED and facts.exploited_since is not None:
        return max(facts.exploited_since, facts.received_at)
    return facts.received_at


def _after(start: datetime, length: timedelta) -> datetime:
    """Add a length; past the end of the calendar, its last whole second."""
    last = datetime.max.replace(tzinfo=UTC, microsecond=0)
    return last if length > last - start else start + length


def _winner(candidates: list[_Candidate]) -> _Candidate:
    """Pick the tightest of the terms (or, without one, the fallbacks) and the caps."""
    given = [found for found in candidates if found.instant is not None]
    terms = [found for found in given if found.rule.kind is Kind.TERM]
    base = terms or [found for found in given if found.rule.kind is Kind.FALLBACK]
    caps = [found for found in given if found.rule.kind is Kind.CAP]
    return min(base + caps, key=lambda found: found.order)


def _bar(policy: EmbargoPolicy, facts: EmbargoFacts) -> NoEmbargo | None:
    """Return the first reason of the policy for which there can be no embargo."""
    barring = (bar for bar in policy.no_embargo_when if _bars(bar.when, facts))
    return next((bar for bar in barring if _waived(bar.id, facts) is None), None)


def _bars(when: Bar, facts: EmbargoFacts) -> bool:
    if when is Bar.PUBLIC:
        return facts.public_since is not None
    if when is Bar.EXPLOIT_PUBLIC:
        return facts.exploit_public_since is not None
    return facts.tooling is Tooling.PUBLIC  # Bar.PUBLIC_TOOLING


def _is_long(policy: EmbargoPolicy, facts: EmbargoFacts, winner: _Candidate) -> bool:
    limit = _after(facts.received_at, timedelta(days=policy.rationale_above_days))
    return winner.instant is not None and winner.instant > limit


def _considered_bars(
    policy: EmbargoPolicy, facts: EmbargoFacts, decided: NoEmbargo | None
) -> Iterator[Considered]:
    for bar in policy.no_embargo_when:
        effect = Effect.BARRED if _bars(bar.when, facts) else Effect.NOT_APPLICABLE
        if bar is decided:
            effect = Effect.WON
        reason = "nothing like it is known" if effect is Effect.NOT_APPLICABLE else bar.sentence
        yield Considered(rule=bar.id, instant=None, effect=effect, reason=reason)


def _considered(
    found: _Candidate, winner: _Candidate, candidates: list[_Candidate], bar: NoEmbargo | None
) -> Considered:
    effect, reason = _outcome(found, winner, candidates)
    if bar is not None and effect in (Effect.WON, Effect.LATER, Effect.NOT_NEEDED):
        effect, reason = Effect.BARRED, f"there is no embargo: {bar.id}"
    return Considered(rule=found.rule.id, instant=found.instant, effect=effect, reason=reason)


def _outcome(
    found: _Candidate, winner: _Candidate, candidates: list[_Candidate]
) -> tuple[Effect, str]:
    if found is winner:
        return Effect.WON, found.reason
    if found.instant is None and found.applies:
        return Effect.WAITING, f"{found.reason} Its clock starts with: {found.rule.clock.value}."
    if found.instant is None:
        return Effect.NOT_APPLICABLE, f"no fact of this case concerns it ({found.rule.applies})"
    if found.rule.kind is Kind.FALLBACK and _has_term(candidates):
        return Effect.NOT_NEEDED, "another rule sets a term, so the fallback does not count"
    return Effect.LATER, f"{winner.rule.id} is tighter or takes precedence"


def _has_term(candidates: list[_Candidate]) -> bool:
    return any(found.rule.kind is Kind.TERM and found.instant is not None for found in candidates)


def _unknown_names(policy: EmbargoPolicy, facts: EmbargoFacts) -> Iterator[Considered]:
    """Name the channels and finder policies that this version of the policy does not know."""
    known = {(rule.applies, rule.name) for rule in policy.rules}
    asked = [(Applies.CHANNEL, channel.name) for channel in facts.channels]
    asked += [(Applies.FINDER_POLICY, name) for name in facts.finder_policies]
    for applies, name in asked:
        if (applies, name) not in known:
            yield Considered(
                rule=f"{applies.value}:{name}",
                instant=None,
                effect=Effect.UNKNOWN,
                reason=f"policy {policy.id}/{policy.version} has no rule about it",
            )
