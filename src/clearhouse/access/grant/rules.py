"""Who is meant by a kill, and what a grant may hold.

In: grants with the attributes of their holders, and a selector. Out: who loses access and why.
An attribute that nobody stated counts as meant when the selector says "other than": a doubt closes.
"""

import ipaddress
from collections.abc import Iterable
from datetime import datetime

from clearhouse.access.admit.record import Admission, AdmissionState, Tier
from clearhouse.access.grant.record import Bearer, Loser, Scope, Selector
from clearhouse.access.offer.record import Window, WindowState
from clearhouse.access.refusal import Refused

ENDPOINTS = (
    "openai.chat",
    "openai.completions",
    "openai.responses",
    "openai.embeddings",
    "anthropic.messages",
    "anthropic.count_tokens",
)
"""What can be granted; the gateway knows the address of each."""


def losers(bearers: Iterable[Bearer], selector: Selector) -> tuple[Loser, ...]:
    """Return who is meant, with the reason in words."""
    return tuple(
        Loser(
            grant_id=one.grant.grant_id,
            holder=one.grant.holder,
            name=one.name,
            party=one.party,
            because=said,
        )
        for one in bearers
        if (said := _meant(one, selector)) is not None
    )


def scope_faults(scope: Scope, admission: Admission) -> tuple[Refused, ...]:
    """Return everything that is wrong with what a grant shall allow."""
    found = []
    if not scope.endpoints or not set(scope.endpoints) <= set(ENDPOINTS):
        known = ", ".join(ENDPOINTS)
        found.append(Refused(code="endpoints", reason=f"name endpoints out of: {known}"))
    if not scope.purposes or not set(scope.purposes) <= set(admission.application.purposes):
        found.append(Refused(code="purposes", reason="a purpose is one of the application's"))
    if min(scope.calls_per_minute, scope.concurrent_calls, scope.token_budget) < 1:
        found.append(Refused(code="limits", reason="rate, concurrency and budget are above zero"))
    try:
        networks = [ipaddress.ip_network(one) for one in scope.networks]
    except ValueError:
        networks = []
    if not networks:
        found.append(Refused(code="networks", reason="name networks as CIDR, host bits zero"))
    return tuple(found)


def time_faults(
    window: Window, admission: Admission, not_before: datetime, not_after: datetime
) -> tuple[Refused, ...]:
    """Return everything that is wrong with when a grant shall hold."""
    found = []
    first = (
        window.times.opens_at if admission.tier is Tier.GOVERNMENT else window.times.partners_from
    )
    if window.state is WindowState.CLOSED:
        found.append(Refused(code="closed", reason="the window is closed"))
    if admission.state not in {
        AdmissionState.APPROVED,
        AdmissionState.PROVISIONED,
        AdmissionState.READY,
    }:
        found.append(Refused(code="not-approved", reason="both sides approve the party first"))
    if not first <= not_before < not_after <= window.times.closes_at:
        said = f"a {admission.tier} grant lies between {first} and {window.times.closes_at}"
        found.append(Refused(code="outside-window", reason=said))
    return tuple(found)


def _meant(one: Bearer, selector: Selector) -> str | None:
    reasons = []
    if selector.grants:
        if one.grant.grant_id not in selector.grants:
            return None
        reasons.append("named")
    if selector.parties:
        if one.party not in selector.parties:
            return None
        reasons.append("acts for a named party")
    if selector.attribute is not None:
        stated = one.attributes.get(selector.attribute)
        known = stated is not None and stated.casefold() in {
            value.casefold() for value in selector.values
        }
        if known == selector.other_than:
            return None
        reasons.append(f"{selector.attribute} is {stated or 'unknown'}")
    return ", ".join(reasons) or "everybody"
