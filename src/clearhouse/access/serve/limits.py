"""The limits of the gateway, read once from `policies/access/` and checked."""

from dataclasses import dataclass, fields
from typing import cast

from clearhouse.kernel.policy import PolicyError, load


@dataclass(frozen=True, kw_only=True, slots=True)
class Burst:
    """Much of the budget in a short time."""

    share_of_budget: float
    within_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Harvest:
    """Many short prompts with long answers, as when a model is copied by asking it."""

    calls: int
    within_s: float
    answer_to_prompt: float
    """Tokens out for each token in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmLimits:
    """When somebody should look."""

    canary: str
    """`refuse` or `note`."""
    repeat_after_s: float
    burst: Burst
    harvest: Harvest


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Every number of the gateway; sizes in bytes, times in seconds."""

    token_life_s: float
    tokens_per_grant: int
    proof_oldest_s: float
    proof_ahead_s: float
    body_bytes: int
    body_timeout_s: float
    drain_bytes: int
    answer_bytes: int
    event_bytes: int
    headers_sent_on: frozenset[bytes]
    refused_fields: frozenset[str]
    connect_timeout_s: float
    idle_timeout_s: float
    call_timeout_s: float
    unheard_s: float
    refusals_per_minute: int
    alarms: AlarmLimits


def limits(name: str = "access/gateway-1") -> Limits:
    """Return the limits of that name.

    Raises: PolicyError when one is missing or of another kind.
    """
    document = dict(load(name))
    try:
        alarms = cast("dict[str, dict[str, float]]", document["alarms"])
        made: dict[str, object] = {
            field.name: _number(document[field.name])
            for field in fields(Limits)
            if field.name not in {"headers_sent_on", "refused_fields", "alarms"}
        }
        made["headers_sent_on"] = frozenset(
            str(one).encode() for one in cast("list[str]", document["headers_sent_on"])
        )
        made["refused_fields"] = frozenset(cast("list[str]", document["refused_fields"]))
        made["alarms"] = AlarmLimits(
            canary=str(alarms["canary"]),
            repeat_after_s=float(cast("float", alarms["repeat_after_s"])),
            burst=Burst(**alarms["burst"]),
            harvest=Harvest(**alarms["harvest"]),  # type: ignore[arg-type] # calls is whole
        )
        return Limits(**made)  # type: ignore[arg-type] # each was read by its field's name
    except (KeyError, TypeError, ValueError) as error:
        raise PolicyError(f"the limits {name} lack or misstate {error}") from error


def _number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ValueError("a number above zero")
    return value
