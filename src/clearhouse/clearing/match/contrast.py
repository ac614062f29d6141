"""Numbers that tell look-alikes apart: what one report says that another does not.

Advisories of one product are often written after one template, so that different bugs share most of
their words. What counts then is what is missing: whether the heaviest words of the earlier report
stand in the new one, and what a candidate shares with it that no other candidate shares. In come
new reports with all candidates of the closer look; out come numbers in the order of `DIFFERENCES`
and `AMONG`, one array each, by candidate.
"""

import math
from itertools import pairwise

import numpy as np

from clearhouse.clearing.match.columns import Flags, Floats, Ints, Meeting, meet
from clearhouse.clearing.match.sides import TELLING, UNIT

_MISSING = ("heaviest missing", "missing", "first missing", "missing of three", "share held")
DIFFERENCES = (
    *(f"old telling words, {name}" for name in _MISSING),
    "new places named in old",
    "old places named in new",
    "new places not in old",
    "old places not in new",
    "form alike",
    "purl kind alike",
    "products spelt alike",
    "form tokens alike",
    "rare here of new",
)
AMONG = (
    "words unique",
    "words missing",
    "words of best missing",
    "words of union",
    "pairs unique",
    "pairs missing",
    "pairs rare",
    "runs unique",
    "runs missing",
    "runs rare",
    "specifics unique",
    "specifics missing",
    "old telling words in rival",
    "old telling words ahead of rival",
    "old telling words surpassed by",
    "old telling words in others",
)
NOT_KNOWN = -1.0


def part(some: Floats, whole: Floats) -> Floats:
    """Return a share; 0 of nothing."""
    return some / np.where(whole > 0, whole, math.inf)


def where_known(known: Flags, numbers: Floats) -> Floats:
    """Return numbers where they are known, and say where they are not."""
    return np.where(known, numbers, NOT_KNOWN)


def differences(met: Meeting, local: Floats, local_mass: Floats) -> list[Floats]:
    """Return the numbers of `DIFFERENCES`.

    `local` is what each token weighs among the best candidates, `local_mass` what the words of each
    new report weigh so together.
    """
    rare = met.shared("words").mass(local)
    return [
        *_telling(met),
        *_places(met),
        *_form(met),
        part(rare, local_mass[met.old.report]),
    ]


def _telling(met: Meeting) -> list[Floats]:
    """Say which of the heaviest words of each earlier report the new one does not hold."""
    weights, there = met.old.telling, met.old.tellings
    missing = there & ~met.telling("all_words")
    lacking = np.where(missing, weights, 0.0)
    gone, whole = lacking.sum(axis=1), weights.sum(axis=1)
    any_missing, told = missing.any(axis=1), there[:, 0]
    first = np.where(any_missing, missing.argmax(axis=1), TELLING)
    return [
        lacking.max(axis=1, initial=0.0),
        gone,
        where_known(told, first),
        where_known(told, missing[:, :3].sum(axis=1)),
        where_known(told, part(whole - gone, whole)),
    ]


def _places(met: Meeting) -> list[Floats]:
    """Say whether what one report names as file, function or input occurs in the other at all."""
    old, tokens = met.old, len(met.asked.tokens)
    mine = old.each([len(one.called) for one in met.asked.sketches])
    theirs = old.size("called")
    said = [met.shared(group, "called") for group in ("all_words", "specifics")]
    pairs = np.unique(np.concatenate([one.owner * tokens + one.at for one in said]))
    new = np.bincount(pairs // max(tokens, 1), minlength=old.count).astype(np.float64)
    heard = met.shared("called", "all_words", "specifics").number()
    return [
        where_known(mine > 0, part(new, mine)),
        where_known(theirs > 0, part(heard, theirs)),
        mine - new,
        theirs - heard,
    ]


def _form(met: Meeting) -> list[Floats]:
    """Say whether two reports are laid out alike: one house seldom reports one bug twice."""
    groups = ("form", "purl_kinds", "spelling")
    alike = [np.minimum(met.shared(group).number(), 1.0) for group in groups]
    return [*alike, np.sum(alike, axis=0)]


class _Kind:
    """What new reports share with all of their candidates, of one kind of tokens."""

    def __init__(self, met: Meeting, kind: str) -> None:
        self._met, self._heavy, self._shared = met, met.asked.heavy, met.shared(kind)
        self._report = met.old.report
        self._holders = np.bincount(self._shared.at, minlength=len(self._heavy))
        self.masses = self._shared.mass(self._heavy)
        self.union = met.asked.sums(self._heavy, self._holders > 0)[self._report]

    def unique(self) -> Floats:
        """Return the weight of what only one candidate shares."""
        return self._shared.where(self._holders[self._shared.at] == 1).mass(self._heavy)

    def missing(self) -> Floats:
        """Return the weight of what others share and a candidate does not."""
        return self.union - self.masses

    def rare(self) -> Floats:
        """Return the weight of what a candidate shares, less for what many candidates share."""
        reports = len(self._met.asked.asking)
        unit = np.log(np.bincount(self._report, minlength=reports) + 1)[self._met.asked.report]
        held = np.log(np.maximum(self._holders, 1))
        less = self._heavy * (1 - np.divide(held, unit, out=np.zeros(len(unit)), where=unit > 0))
        return self._shared.mass(np.round(less / UNIT) * UNIT)

    def missing_of_best(self) -> Floats:
        """Return the weight of what the best of the others shares and a candidate does not."""
        rows = self._met.old.rows(len(self._met.asked.asking))
        order = np.lexsort((-self.masses, self._report))
        last = np.maximum(len(order) - 1, 0)
        best = order[np.minimum(rows[:-1], last)][self._report]
        second = order[np.minimum(rows[:-1] + 1, last)][self._report]
        found = self.masses[best] - self._overlap(best)
        other = self.masses[second] - self._overlap(second)
        found = np.where(best == np.arange(len(order)), other, found)
        return np.where(np.diff(rows)[self._report] > 1, found, 0.0)

    def _overlap(self, one: Ints) -> Floats:
        """Return the weight of what each candidate shares that `one` shares too."""
        shared = self._shared
        held = np.zeros(len(self._heavy))
        held[shared.at[shared.owner == one[shared.owner]]] = 1.0
        return shared.mass(self._heavy * held)


def among(met: Meeting) -> list[Floats]:
    """Return the numbers of `AMONG`."""
    words, pairs, runs, specifics = (
        _Kind(met, kind) for kind in ("words", "pairs", "runs", "specifics")
    )
    return [
        words.unique(),
        words.missing(),
        words.missing_of_best(),
        part(words.masses, words.union),
        pairs.unique(),
        pairs.missing(),
        pairs.rare(),
        runs.unique(),
        runs.missing(),
        runs.rare(),
        specifics.unique(),
        specifics.missing(),
        *_nearer(met),
    ]


def _nearer(met: Meeting) -> list[Floats]:
    """Say for each candidate whether another is nearer to it than the new report is."""
    old = met.old
    whole = old.telling.sum(axis=1)
    ours = part((old.telling * met.telling("words")).sum(axis=1), whole)
    rows = old.rows(len(met.asked.asking))
    told, teller = old.group("telling")
    words, holder = old.group("words")
    at, holds = np.searchsorted(teller, rows), np.searchsorted(holder, rows)
    found = [
        _others(
            told[at[one] : at[one + 1]],
            old.telling[low:high],
            old.tellings[low:high],
            words[holds[one] : holds[one + 1]],
            holder[holds[one] : holds[one + 1]] - low,
            ours[low:high],
            whole[low:high],
        )
        for one, (low, high) in enumerate(pairwise(rows.tolist()))
    ]
    return [np.concatenate(column) for column in zip(*found, strict=True)]


def _others(
    told: Ints,
    telling: Floats,
    tellings: Flags,
    words: Ints,
    holder: Ints,
    ours: Floats,
    whole: Floats,
) -> list[Floats]:
    """Say of each candidate of one report how many of its telling words the others hold."""
    count = len(whole)
    asked, at = np.unique(told, return_inverse=True)
    weights, held = np.zeros((count, len(asked))), np.zeros((len(asked), count))
    weights[np.nonzero(tellings)[0], at] = telling[tellings]
    known, place = meet(asked, words)
    held[place, holder[known]] = 1.0
    shares = part(weights @ held, whole[:, None])
    np.fill_diagonal(shares, -1.0)
    top = np.maximum(shares.max(axis=1, initial=0.0), 0.0)
    np.fill_diagonal(shares, 0.0)
    surpassed = (shares > ours[:, None]).sum(axis=1).astype(np.float64)
    return [top, ours - top, surpassed, shares.sum(axis=1) / max(count - 1, 1)]
