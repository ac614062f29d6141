"""The closer look at the candidates that the first look leaves.

In come new reports with these candidates, out come the numbers of `CLOSER_LOOK`, one row a
candidate: what each pair shares and lacks by itself, then what tells it from the others.
"""

import math
from collections.abc import Callable, Collection, Sequence
from itertools import zip_longest

import numpy as np

from clearhouse.clearing.match.columns import ROLES, Floats, Meeting, Queries, columns
from clearhouse.clearing.match.contrast import NOT_KNOWN, among, differences, part, where_known
from clearhouse.clearing.match.packing import NONE, PARTS
from clearhouse.clearing.match.pairing import Around
from clearhouse.clearing.match.sides import Masses
from clearhouse.clearing.match.sketch import Sketch


def closer_looks(
    asked: Queries, around: Around, packed: Sequence[Sequence[bytes]], firsts: Floats
) -> Floats:
    """Return the numbers of `CLOSER_LOOK` for candidates, given those of the first look."""
    met = Meeting(asked, columns(packed))
    beside = differences(met, around.local, around.local_mass)
    said = [*_Pairs(met, around).numbers(), *beside, *among(met)]
    return np.column_stack([firsts, *said])


class _Pairs:
    """Compares each new report with each candidate by itself."""

    def __init__(self, met: Meeting, around: Around) -> None:
        self.met, self.asked, self.old, self.around = met, met.asked, met.old, around

    def numbers(self) -> list[Floats]:
        old = self.old
        mine = self._mine(lambda one: one.length)
        return [
            *self._words(),
            *self._classes(),
            *self._product(),
            self._mass(lambda one: one.words),
            old.masses("words"),
            *self._parts("pairs", self._mass(lambda one: one.pairs)),
            *self._parts("runs", self._mass(lambda one: one.runs)),
            *self._specifics(),
            *self._titles(),
            *self._flaws(),
            *self._settings(),
            self._names_alike(),
            self._agree("purls", "purls"),
            self._ecosystem(),
            self._crowd(),
            self._shared_crowd(),
            *self._places(),
            *self._numbers(),
            np.minimum(mine, old.length),
            part(np.minimum(mine, old.length), np.maximum(mine, old.length)),
        ]

    def _mine(self, number: Callable[[Sketch], float]) -> Floats:
        """Say something of the new report of each candidate."""
        return self.old.each([number(one) for one in self.asked.sketches])

    def _size(self, group: Callable[[Sketch], Collection[object]]) -> Floats:
        return self._mine(lambda one: len(group(one)))

    def _mass(self, kind: Callable[[Masses], float]) -> Floats:
        return self.old.each([kind(one.side.masses) for one in self.asked.asking])

    def _words(self) -> list[Floats]:
        both, heavy, around = self.met.shared("words"), self.asked.heavy, self.around
        total, rare = both.mass(heavy), both.mass(around.local)
        _, second, third = both.heaviest(heavy, 3)
        mine, theirs = self._mass(lambda one: one.words), self.old.masses("words")
        given, spread = heavy[both.at], around.spread[both.at]
        return [
            part(total, mine),
            part(total, theirs),
            second,
            third,
            both.where(given > 5).number(),
            both.where(given > 7).number(),
            part(rare, mine + theirs - total),
            both.where(spread <= 1).number(),
            both.where(spread <= 2).mass(heavy),
        ]

    def _classes(self) -> list[Floats]:
        both = self.met.shared("classes")
        count = both.number()
        either = self._size(lambda one: one.classes) + self.old.size("classes") - count
        return [both.mass(self.asked.flaw), part(count, either)]

    def _product(self) -> list[Floats]:
        met, old, heavy = self.met, self.old, self.asked.heavy
        both, mine = met.shared("product"), self._mass(lambda one: one.product)
        theirs, named = old.masses("product"), old.size("product") > 0
        said = part(met.shared("all_words", "product").mass(heavy), mine)
        heard = part(met.shared("product", "all_words").mass(heavy), theirs)
        return [
            where_known(named, part(both.mass(heavy), theirs)),
            *both.heaviest(heavy),
            *met.shared("names").heaviest(heavy),
            where_known(self._size(lambda one: one.product) > 0, said),
            where_known(named, heard),
        ]

    def _parts(self, kind: str, mine: Floats) -> list[Floats]:
        both, theirs = self.met.shared(kind), self.old.masses(kind)
        total = both.mass(self.asked.heavy)
        return [
            total,
            part(total, mine),
            part(total, theirs),
            part(total, np.minimum(mine, theirs)),
            both.number(),
        ]

    def _specifics(self) -> list[Floats]:
        met, heavy = self.met, self.asked.heavy
        mine, theirs = self._mass(lambda one: one.specifics), self.old.masses("specifics")
        both = met.shared("specifics")
        total = both.mass(heavy)
        return [
            *self._parts("specifics", mine),
            *both.heaviest(heavy),
            mine - total,
            theirs - total,
            self._size(lambda one: one.specifics),
            self.old.size("specifics"),
            met.shared("words", "specifics").mass(heavy),
            met.shared("specifics", "words").mass(heavy),
        ]

    def _titles(self) -> list[Floats]:
        met, heavy = self.met, self.asked.heavy
        mine, theirs = self._mass(lambda one: one.title), self.old.masses("title")
        both = part(met.shared("title").mass(heavy), np.minimum(mine, theirs))
        return [
            where_known(mine > 0, part(met.shared("words", "title").mass(heavy), mine)),
            where_known(theirs > 0, part(met.shared("title", "words").mass(heavy), theirs)),
            where_known((mine > 0) & (theirs > 0), both),
        ]

    def _flaws(self) -> list[Floats]:
        """Compare the kinds of flaws, without what follows from them."""
        old, flaw, roles = self.old, self.asked.flaw, self.asked.roles
        kinds = (roles & (ROLES["classes"] | ROLES["impacts"])) == ROLES["classes"]
        both = self.met.shared("classes")
        both = both.where(kinds[both.at])
        mine = self._size(lambda one: one.classes - one.impacts)
        theirs = old.size("classes") - old.size("impacts")
        shared = both.mass(flaw)
        either = part(both.number(), np.minimum(mine, theirs))
        return [
            self._size(lambda one: one.classes),
            old.size("classes"),
            shared,
            where_known((mine > 0) & (theirs > 0), either),
            self.asked.sums(flaw, kinds)[old.report] - shared,
            self._flaw_mass() - shared,
            self._agree("cwes", "cwes"),
            self._agree("cwe_classes", "cwe_classes"),
            self._agree("cwe_classes", "classes"),
            self._agree("classes", "cwe_classes"),
        ]

    def _flaw_mass(self) -> Floats:
        """Return what the kinds of flaws of each candidate weigh."""
        given = self.asked.class_weights
        found = np.zeros(self.old.count)
        for group, sign in (("classes", 1.0), ("impacts", -1.0)):
            tokens, owner = self.old.group(group)
            weights = [sign * given[token] for token in tokens.tolist()]
            found += np.bincount(owner, weights, self.old.count)
        return found

    def _settings(self) -> list[Floats]:
        both = self.met.shared("settings").number()
        apart = self._size(lambda one: one.settings) + self.old.size("settings") - 2 * both
        return [both, self.met.found("settings").mass(self.asked.opposed), apart]

    def _names_alike(self) -> Floats:
        """Return how nearly the best pair of names agrees, 0 to 1."""
        old, sketches = self.old, self.asked.sketches
        best = np.zeros(old.count)
        parts = zip_longest(*(one.name_parts for one in sketches), fillvalue=())
        ours = [
            (role, old.each([len(part) for part in sizes]))
            for role, sizes in zip(PARTS, parts, strict=False)
        ]
        for theirs in PARTS:
            size = old.size(theirs)
            if not size.any():
                break
            for role, mine in ours:
                both = self.met.shared(theirs, role).number()
                best = np.maximum(best, part(2 * both, mine + size))
        best[self.met.shared("names").any()] = 1.0
        named = (self._size(lambda one: one.names) > 0) & (old.size("names") > 0)
        return where_known(named, best)

    def _ecosystem(self) -> Floats:
        mine = np.array([int(one.ecosystem or NONE) for one in self.asked.sketches], np.int64)
        mine, theirs = mine[self.old.report], self.old.heads["ecosystem"]
        known = (mine != NONE) & (theirs != NONE)
        return np.where(known, np.where(mine == theirs, 1.0, -1.0), 0.0)

    def _crowd(self) -> Floats:
        """Return in how many of ten thousand reports the rarest of its names stands."""
        rarest = [
            max((one.weights[name] for name in one.side.sketch.names), default=None)
            for one in self.asked.asking
        ]
        found = [NOT_KNOWN if one is None else 1e4 * math.exp(-one) for one in rarest]
        return self.old.each(found)

    def _shared_crowd(self) -> Floats:
        names = self.met.shared("names")
        (top,) = names.heaviest(self.asked.heavy)
        return where_known(names.any(), 1e4 * np.exp(-top))

    def _places(self) -> list[Floats]:
        agree = [self._agree(kind, kind) for kind in ("files", "functions", "inputs")]
        return [*agree, np.sum([one == -1.0 for one in agree], axis=0).astype(np.float64)]

    def _numbers(self) -> list[Floats]:
        both = self.met.shared("numbers")
        count = both.number()
        mine, theirs = self._size(lambda one: one.numbers), self.old.size("numbers")
        return [both.mass(self.asked.heavy), mine - count, theirs - count]

    def _agree(self, mine: str, theirs: str) -> Floats:
        """Say whether two sets meet: 1, or -1; 0 where one is empty."""
        known = (self._size(lambda one: getattr(one, mine)) > 0) & (self.old.size(theirs) > 0)
        return np.where(known, np.where(self.met.shared(theirs, mine).any(), 1.0, -1.0), 0.0)
