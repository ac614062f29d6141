"""Is it still the same model? A fixed set of prompts, answered greedily, compared with a reference.

In: the hashes of the answers that the pinned model gave, and of those given now. Out: a verdict.
Equality would call every change of threads or batch size a swap, because greedy answers of the same
weights differ in a few prompts then; a swap or another quantization agrees almost nowhere. So the
number of matches is compared with two bounds: from `match` on it is the same, below `doubt` it is
another model, in between it is a doubt, and one asks again.
What this cannot see: an endpoint that knows the prompts and answers them from elsewhere.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import comb
from typing import cast

from clearhouse.kernel.policy import PolicyError, load


class Same(StrEnum):
    """What the comparison says."""

    REFERENCE = "REFERENCE"
    MATCH = "MATCH"
    DOUBT = "DOUBT"
    SWAP = "SWAP"


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompts:
    """The prompts and the bounds of one version."""

    name: str
    texts: tuple[str, ...]
    most_tokens: int
    match: int
    """From so many matches on it is the same model."""
    doubt: int
    """Below so many matches it is another one."""


def prompts(name: str = "access/fingerprint-1") -> Prompts:
    """Return the prompts of that name.

    Raises: PolicyError.
    """
    document = load(name)
    match document:
        case {
            "prompts": list(texts),
            "most_tokens": int(most),
            "match": int(same),
            "doubt": int(doubt),
        } if 0 < doubt <= same <= len(texts):
            return Prompts(
                name=name,
                texts=tuple(str(one) for one in cast("list[object]", texts)),
                most_tokens=most,
                match=same,
                doubt=doubt,
            )
        case _:
            raise PolicyError(f"{name} needs prompts, most_tokens and bounds that fit them")


def answers(asked: Prompts, ask: Callable[[str, int], str]) -> tuple[str, ...]:
    """Ask every prompt and return the hex SHA-256 of each answer."""
    texts = [ask(one, asked.most_tokens) for one in asked.texts]
    return tuple(hashlib.sha256(text.encode()).hexdigest() for text in texts)


def compare(asked: Prompts, reference: Sequence[str], given: Sequence[str]) -> tuple[Same, int]:
    """Compare answers with the reference; return the verdict and the number of matches.

    Raises: ValueError when the two do not answer the same prompts.
    """
    if not len(reference) == len(given) == len(asked.texts):
        raise ValueError("both must answer every prompt once")
    matched = sum(one == other for one, other in zip(reference, given, strict=True))
    if matched >= asked.match:
        return Same.MATCH, matched
    return (Same.DOUBT if matched >= asked.doubt else Same.SWAP), matched


def chance_below(matches: int, prompts_: int, rate: float) -> float:
    """Return the probability of fewer matches when each prompt agrees with this rate."""
    return sum(
        comb(prompts_, count) * rate**count * (1 - rate) ** (prompts_ - count)
        for count in range(matches)
    )
