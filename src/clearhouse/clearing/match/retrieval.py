"""Finds the earlier reports that are worth comparing with a new one.

In comes a sketch, out come the numbers of earlier reports with a score, best first. Each report
files itself under its heaviest tokens; a new report looks under its own. A token that very many
reports hold is not looked under: it would cost much and tell little. `MemoryIndex` holds the index
in the process, for benchmarks; `_index` holds the same index in the database.
"""

import heapq
import math
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from clearhouse.clearing.match.sides import exact
from clearhouse.clearing.match.sketch import RUN, Sketch, Token

FILED = 100
"""Under so many tokens a report files itself at most."""
ASKED = 60
"""Under so many tokens a new report looks at most."""
CROWDED = 2_000
"""A token that more reports hold is not looked under, and no more are filed under it."""
WORK = 8_000
"""How many filed entries one look reads at most, the rarest tokens first."""
CANDIDATES = 80
SMOOTHING = 50

_FACTORS = {"": 1.0, "s": 1.0, "k": 0.5, "m": 0.5, "p": 2.0}
_LENGTH_OFFSET = 8
_LENGTH_BITS = 16
_LENGTH_MASK = (1 << _LENGTH_BITS) - 1
_SCALES = 1 / np.sqrt(np.arange(_LENGTH_MASK + 1) + _LENGTH_OFFSET)
"""A score counts less for a long report, which shares words with everybody."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Background:
    """How many of the reports that the model was trained on hold each token."""

    reports: int
    counts: Mapping[str, int]
    seen_in_training: int = 0
    """Taken off every count while training on these very reports, for the pair itself."""

    def weight(self, token: str, held: int, reports: int) -> float:
        """Return what it says to share a token that `held` of `reports` stored reports hold.

        One of those that hold it is the report it is shared with.
        """
        if self.seen_in_training:  # the stored reports are in the counts already
            held = reports = 0
        others = self.counts.get(token, 0) - self.seen_in_training + max(held - 1, 0)
        return exact(math.log((self.reports + reports + SMOOTHING) / (max(others, 0) + 1)))


def filing_tokens(one: Sketch) -> dict[str, float]:
    """Return what a report is filed under, with how much an agreement counts.

    The first letter says what it is: a word, a (s)pecific, a word of the product (k), a (p)roduct
    name with a class of flaw, and, only to be counted, a whole product (n)ame.
    """
    found = {str(token): _FACTORS[""] for token in one.all_words}
    for token in one.product:
        found.setdefault(str(token), _FACTORS["m"])
        found[f"k:{token}"] = _FACTORS["k"]
    found |= {f"s:{token}": _FACTORS["s"] for token in one.specifics}
    found |= {str(token): 1.0 for token in one.classes}
    found |= {
        f"p:{n}:{c}": _FACTORS["p"] for n in sorted(map(str, one.names))[:4] for c in one.classes
    }
    found |= {name_token(str(token)): 0.0 for token in one.names}
    return found


def name_token(name: str) -> str:
    """Return what a report is filed under for one whole name of the product."""
    return f"n:{name}"


def weigh(
    one: Sketch, counted: Mapping[str, int], reports: int, background: Background
) -> dict[Token, float]:
    """Return the weight of every token of a report that a comparison may ask for."""

    def weight(stored: str) -> float:
        return background.weight(stored, counted.get(stored, 0), reports)

    found: dict[Token, float] = {}
    for token in map(str, one.all_words | one.title | one.product):
        found[token] = weight(token)
    for token in map(str, one.specifics):
        found[token] = max(weight(f"s:{token}"), found.get(token, 0.0))
    for token in map(str, one.names):
        found[token] = weight(name_token(token))
    for token in map(str, one.numbers):
        found[token] = found.get(token.removeprefix("number:"), 0.0)
    for pair in map(str, one.pairs):
        first, _, second = pair.partition(" ")
        found[pair] = exact((found[first] + found[second]) / 2)
    for run in map(str, one.runs):
        found[run] = exact(math.fsum([found[word] for word in run.split(" ")]) / RUN)
    return found


Entries: TypeAlias = "array[int]"
"""Who is filed under a token, entry by entry; see `entry`."""
NOBODY: Entries = array("q")


def entry(number: int, one: Sketch) -> int:
    """Return what stands for a report in postings: its number, and its length, in one number."""
    return number << _LENGTH_BITS | min(len(one.all_words), _LENGTH_MASK)


def words_of(one: int) -> int:
    """Return how many words the report of an entry has."""
    return one & _LENGTH_MASK


def nearest(
    asked: Iterable[tuple[float, Entries]], *, limit: int = CANDIDATES
) -> list[tuple[int, float]]:
    """Return the numbers of the reports with the best sum of weights, best first.

    In come weights with the entries that each is added to.
    """
    found = [(weight, entries) for weight, entries in asked if entries]
    if not found:
        return []
    sizes = [len(entries) for _, entries in found]
    bits = len(found).bit_length()
    # Sorting numbers is many times as fast as sorting places by them, so each carries its weight's.
    marked = np.frombuffer(b"".join([entries for _, entries in found]), np.int64) << bits
    marked |= np.repeat(np.arange(len(found)), sizes)
    marked.sort()
    weights = np.array([weight for weight, _ in found])[marked & ((1 << bits) - 1)]
    entries = marked >> bits
    starts = np.flatnonzero(np.concatenate([[True], entries[1:] != entries[:-1]]))
    entries, scores = entries[starts], np.add.reduceat(weights, starts)
    scores = scores * _SCALES[entries & _LENGTH_MASK]
    if len(scores) > limit:
        likely = scores >= np.partition(scores, -limit)[-limit]
        entries, scores = entries[likely], scores[likely]
    best = np.lexsort((entries, -scores))[:limit]
    numbers = (entries[best] >> _LENGTH_BITS).tolist()
    return list(zip(numbers, scores[best].tolist(), strict=True))


@dataclass(slots=True)
class MemoryIndex:
    """The index in this process, filed and read like the one in the database."""

    filed: int = 0
    _postings: dict[str, Entries] = field(default_factory=dict)

    def add(self, one: Sketch, filed: Iterable[str]) -> int:
        """File a report and return its number."""
        number = self.filed
        self.filed += 1
        for token in filed:
            entries = self._postings.setdefault(token, array("q"))
            if len(entries) <= CROWDED:
                entries.append(entry(number, one))
        return number

    def held(self, tokens: Iterable[str]) -> Mapping[str, int]:
        """Return how many stored reports hold each token; a crowd is not counted to its end."""
        postings = self._postings
        return {token: len(postings[token]) for token in tokens if token in postings}

    def nearest(
        self, asked: Mapping[str, float], *, limit: int = CANDIDATES
    ) -> list[tuple[int, float]]:
        """Return the numbers of the reports with the best sum of weights, best first."""
        found = ((weight, self._postings.get(token, NOBODY)) for token, weight in asked.items())
        return nearest(found, limit=limit)


def asked_under(
    tokens: Mapping[str, float], held: Mapping[str, int], reports: int, background: Background
) -> dict[str, float]:
    """Choose the tokens to look under, with the weight that an agreement adds to the score."""
    weights = {
        token: exact(background.weight(token, held[token] + 1, reports) ** 2 * factor)
        for token, factor in tokens.items()
        if factor > 0 and 0 < held.get(token, 0) <= CROWDED
    }
    chosen: dict[str, float] = {}
    work = 0
    for _, token in heapq.nsmallest(ASKED, [(-weight, token) for token, weight in weights.items()]):
        work += held[token]
        if work > WORK and chosen:
            break
        chosen[token] = weights[token]
    return chosen


def filed_under(tokens: Mapping[str, float], background: Background) -> list[str]:
    """Choose the tokens to file a report under: all names, then the heaviest of the rest."""
    names = [token for token, factor in tokens.items() if factor == 0]
    rest = [token for token, factor in tokens.items() if factor > 0]
    if len(rest) > FILED:
        weighed = [(-background.weight(token, 0, 0) * tokens[token], token) for token in rest]
        rest = [token for _, token in heapq.nsmallest(FILED, weighed)]
    return [*names, *rest]
