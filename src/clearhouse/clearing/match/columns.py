"""Reads many packed reports side by side, as columns of numbers.

In come new reports and, for each, the packed sides of its candidates. Out comes a `Meeting`: which
tokens of the new reports stand in which group of which candidate. All that looks at pairs is then
sums over columns, for all candidates of all new reports at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from clearhouse.clearing.match.packing import (
    FIRST,
    GROUPS,
    PARTS,
    SETS,
    START,
    demand_version,
)
from clearhouse.clearing.match.sides import TELLING, Side, Weights
from clearhouse.clearing.match.sketch import Sketch

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_KINDS = ("words", "pairs", "runs", "specifics", "product", "title")
"""The kinds of tokens that the head of a packed side weighs, in its order."""
_HEADS = np.dtype(
    [
        ("version", "u1"),
        ("length", "<u4"),
        ("ecosystem", "<i8"),
        ("masses", "<f8", (len(_KINDS),)),
        ("sizes", "<u2", (len(GROUPS),)),
    ]
)
_PLACE = {name: place for place, name in enumerate(GROUPS)}
ROLES = {name: 1 << place for place, name in enumerate((*SETS, *PARTS))}
"""What a token is in the new report, one bit each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """A new report that asks what it is like."""

    side: Side
    """Its tokens must be numbers."""
    weights: Weights
    """For every token of it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Queries:
    """New reports, their tokens one after the other."""

    asking: Sequence[Asking]
    class_weights: Weights
    """For the classes of flaws of any report."""
    tokens: Ints
    """Those of one report rise."""
    report: Ints
    """Which report holds each token."""
    starts: Ints
    """Where the tokens of each report begin, and where the last ones end."""
    roles: Ints
    """What each of them is in its report: bits of `ROLES`."""
    heavy: Floats
    """What each of them weighs."""
    opposed: Floats
    """Of how many settings of its report each is the rival."""
    flaw: Floats
    """What each of them weighs as a class of flaws."""

    @property
    def sketches(self) -> list[Sketch]:
        """The new reports themselves."""
        return [one.side.sketch for one in self.asking]

    def sums(self, weights: Floats, where: Flags) -> Floats:
        """Return what some tokens weigh together, for each report."""
        return np.bincount(self.report[where], weights[where], len(self.asking)).astype(np.float64)


def queries(asking: Sequence[Asking], class_weights: Weights) -> Queries:
    """Prepare new reports for comparison."""
    each = [_tokens(one.side.sketch) for one in asking]
    sizes = [len(roles) for roles, _ in each]
    ordered = [sorted(roles) for roles, _ in each]
    flat = [token for tokens in ordered for token in tokens]
    heavy = [
        one.weights.get(token, 0.0)
        for one, tokens in zip(asking, ordered, strict=True)
        for token in tokens
    ]
    pairs = list(zip(each, ordered, strict=True))
    return Queries(
        asking=asking,
        class_weights=class_weights,
        tokens=np.array(flat, np.int64),
        report=np.repeat(np.arange(len(asking)), sizes),
        starts=np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]),
        roles=np.array([roles[t] for (roles, _), some in pairs for t in some], np.int64),
        heavy=np.array(heavy, np.float64),
        opposed=np.array([rivals.get(t, 0) for (_, rivals), some in pairs for t in some], float),
        flaw=np.array([class_weights.get(token, 0.0) for token in flat], np.float64),
    )


def _tokens(one: Sketch) -> tuple[dict[int, int], dict[int, int]]:
    """Return what each token of a report is in it, and of how many settings it is the rival."""
    roles: dict[int, int] = {}
    rivals: dict[int, int] = {}
    named = [(ROLES[name], getattr(one, name)) for name in SETS]
    named += [(ROLES[name], part) for name, part in zip(PARTS, one.name_parts, strict=False)]
    for role, tokens in named:
        for token in tokens:
            roles[token] = roles.get(token, 0) | role
    for _, theirs in one.rivals:
        roles.setdefault(int(theirs), 0)
        rivals[int(theirs)] = rivals.get(int(theirs), 0) + 1
    return roles, rivals


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Shared:
    """Tokens that candidates share with their new report, sorted by candidate."""

    at: Ints
    """Where each stands among the tokens of all new reports."""
    owner: Ints
    """The candidate that holds it."""
    count: int
    """How many candidates there are."""

    def mass(self, weights: Floats) -> Floats:
        """Return what they weigh together, for each candidate."""
        return np.bincount(self.owner, weights[self.at], self.count).astype(np.float64)

    def number(self) -> Floats:
        """Return how many they are, for each candidate."""
        return np.bincount(self.owner, minlength=self.count).astype(np.float64)

    def any(self) -> Flags:
        """Say for each candidate whether there are any."""
        return self.number() > 0

    def where(self, mask: Flags) -> "Shared":
        """Keep those for which the mask holds."""
        return Shared(at=self.at[mask], owner=self.owner[mask], count=self.count)

    def heaviest(self, weights: Floats, most: int = 1) -> list[Floats]:
        """Return the greatest weight for each candidate, then the second, ...; 0 for none."""
        given = weights[self.at]
        numbers = np.bincount(self.owner, minlength=self.count)
        ends = np.cumsum(numbers)
        if most == 1:  # the greatest alone needs no sorting
            top, there = np.zeros(self.count), numbers > 0
            top[there] = np.maximum.reduceat(given, (ends - numbers)[there]) if len(given) else 0
            return [top]
        given = given[np.lexsort((given, self.owner))]
        found = []
        for place in range(1, most + 1):
            top = np.zeros(self.count)
            there = numbers >= place
            top[there] = given[ends[there] - place]
            found.append(top)
        return found


@dataclass(frozen=True, eq=False)
class Columns:
    """Candidates of new reports side by side, those of one report together."""

    report: Ints
    """The new report of each candidate."""
    heads: npt.NDArray[np.void]
    sizes: Ints
    """How many tokens they have, by candidate and group."""
    tokens: Ints
    """Candidate after candidate, group after group."""
    telling: Floats
    """The weights of the telling words by candidate, the heaviest first, then 0."""

    @property
    def count(self) -> int:
        """How many candidates there are."""
        return len(self.report)

    @property
    def length(self) -> Floats:
        """How many tokens each report has."""
        return self.heads["length"].astype(np.float64)

    def masses(self, kind: str) -> Floats:
        """Return what the tokens of a kind weigh, for each candidate."""
        found: Floats = self.heads["masses"][:, _KINDS.index(kind)]
        return found

    def size(self, group: str) -> Floats:
        """Return how many tokens of a group each candidate has."""
        return self.sizes[:, _PLACE[group]].astype(np.float64)

    @cached_property
    def starts(self) -> Ints:
        """Where the tokens of each candidate and group begin."""
        return (np.cumsum(self.sizes) - self.sizes.ravel()).reshape(self.sizes.shape)

    def group(self, name: str) -> tuple[Ints, Ints]:
        """Return the tokens of a group and who owns each."""
        sizes = self.sizes[:, _PLACE[name]]
        shift = self.starts[:, _PLACE[name]] - (np.cumsum(sizes) - sizes)
        owner = np.repeat(np.arange(self.count), sizes)
        return self.tokens[shift[owner] + np.arange(len(owner))], owner

    @cached_property
    def tellings(self) -> Flags:
        """Whether a candidate has so many telling words, by candidate and place."""
        held: Flags = np.arange(TELLING) < self.sizes[:, _PLACE["telling"], None]
        return held

    def each(self, numbers: Sequence[float]) -> Floats:
        """Give every candidate what is said of its new report."""
        return np.array(numbers, np.float64)[self.report]

    def rows(self, reports: int) -> Ints:
        """Return where the candidates of each report begin, and where the last ones end."""
        return np.searchsorted(self.report, np.arange(reports + 1))


class Meeting:
    """Where the tokens of new reports stand in their candidates."""

    def __init__(self, asked: Queries, old: Columns) -> None:
        self.asked, self.old = asked, old
        self._told: dict[tuple[str, int], Shared] = {}
        groups = old.sizes.shape[1]
        ends = np.cumsum(old.sizes.sum(axis=1))
        ends = np.concatenate([[0], ends])[old.rows(len(asked.asking))]
        met = [
            meet(asked.tokens[asked.starts[one] : asked.starts[one + 1]], old.tokens[low:high])
            for one, (low, high) in enumerate(pairwise(ends.tolist()))
        ]
        places = np.concatenate([low + there for low, (there, _) in zip(ends, met, strict=False)])
        at = np.concatenate([low + at for low, (_, at) in zip(asked.starts, met, strict=False)])
        label = np.repeat(np.arange(old.sizes.size), old.sizes.ravel()).take(places)
        group = (label % groups).astype(np.uint8)
        order = np.argsort(group, kind="stable")
        self._places, self._at = places[order], at[order]
        self._owner = label[order] // groups
        self._bounds = np.searchsorted(group[order], np.arange(groups + 1))

    def shared(self, group: str, *roles: str) -> Shared:
        """Return the tokens that candidates hold in a group and the new report in one of roles.

        Without roles, in the same group.
        """
        asked = sum(ROLES[role] for role in roles or (group,))
        told = self._told.get((group, asked))
        if told is None:
            found = self.found(group)
            told = found.where((self.asked.roles[found.at] & asked) != 0)
            self._told[group, asked] = told
        return told

    def found(self, group: str) -> Shared:
        """Return the tokens of a group that the new report names anywhere, if only as a rival."""
        there = self._there(group)
        return Shared(at=self._at[there], owner=self._owner[there], count=self.old.count)

    def telling(self, role: str) -> Flags:
        """Say which telling words the new report holds in a role, by candidate and place."""
        there = self._there("telling")
        held = (self.asked.roles[self._at[there]] & ROLES[role]) != 0
        owner = self._owner[there][held]
        place = self._places[there][held] - self.old.starts[owner, _PLACE["telling"]]
        found = np.zeros(self.old.tellings.shape, np.bool_)
        found[owner, place] = True
        return found

    def _there(self, group: str) -> slice:
        place = _PLACE[group]
        return slice(self._bounds[place], self._bounds[place + 1])


_LAST_BITS = (1 << 16) - 1


def meet(asked: Ints, tokens: Ints) -> tuple[Ints, Ints]:
    """Return which of some tokens are among those asked for, and where; `asked` must rise."""
    if not len(asked):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    # The last bits are as good as random: who has the same is nearly always the same.
    ends, own = asked & _LAST_BITS, np.arange(len(asked))
    holder = np.zeros(_LAST_BITS + 1, np.int32)
    holder[ends] = own
    likely = holder.take(tokens & _LAST_BITS)
    there = np.flatnonzero(asked.take(likely) == tokens)
    at: Ints = likely.take(there).astype(np.int64)
    hidden = asked[holder.take(ends) != own]
    if len(hidden):
        more = np.flatnonzero(np.isin(tokens, hidden))
        order = np.argsort(np.concatenate([there, more]))
        there = np.concatenate([there, more])[order]
        at = np.concatenate([at, np.searchsorted(asked, tokens[more])])[order]
    return there, at


def first_columns(packed: Sequence[Sequence[bytes]]) -> Columns:
    """Read as much of the candidates of each report as the first look needs.

    Raises: PackingError.
    """
    return _columns(packed, len(FIRST))


def columns(packed: Sequence[Sequence[bytes]]) -> Columns:
    """Read the candidates of each report.

    Raises: PackingError.
    """
    return _columns(packed, len(GROUPS))


def _columns(packed: Sequence[Sequence[bytes]], groups: int) -> Columns:
    each = [one for some in packed for one in some]
    heads = np.frombuffer(b"".join([one[:START] for one in each]), _HEADS)
    for version in set(heads["version"].tolist()):
        demand_version(version)
    sizes = heads["sizes"][:, :groups].astype(np.int64)
    ends = (START + 8 * sizes.sum(axis=1)).tolist()
    telling = np.zeros((len(each), TELLING))
    if groups == len(GROUPS):
        weights = b"".join([one[end:] for one, end in zip(each, ends, strict=True)])
        held = np.arange(TELLING) < sizes[:, _PLACE["telling"], None]
        telling[held] = np.frombuffer(weights, "<f8")
    body = b"".join([one[START:end] for one, end in zip(each, ends, strict=True)])
    return Columns(
        report=np.repeat(np.arange(len(packed)), [len(some) for some in packed]),
        heads=heads,
        sizes=sizes,
        tokens=np.frombuffer(body, "<i8"),
        telling=telling,
    )
