"""What words mean to the matcher: stems, classes of flaws, settings of attacks.

In comes text or a CWE id, out come stems and tags. The words stand in `policies/match/lexicon-1`;
changing them changes what the model was trained on, so a new lexicon needs a new model.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Protocol, cast

from clearhouse.kernel import policy

MAX_CLASS_CHARS = 20_000
"""Classes and settings are looked for in so much of a report."""
_STEMS = 50_000
"""The stems of so many words are remembered."""


class _Document(Protocol):
    def __getitem__(self, key: str, /) -> object: ...


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Wordings:
    """How classes of flaws or circumstances are written."""

    patterns: dict[str, re.Pattern[str]]
    """By name."""
    literals: tuple[tuple[str, str], ...]
    """Texts, each with a name: whatever a pattern matches holds one of its name. They are looked
    for first, because that is quick."""

    def named_in(self, text: str) -> set[str]:
        """Return the names of those that stand in a lower-cased text."""
        likely = {name for literal, name in self.literals if literal in text}
        return {name for name in likely if self.patterns[name].search(text)}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Lexicon:
    """One version of the words."""

    name: str
    classes: Wordings
    settings: Wordings
    rivals: tuple[tuple[str, str], ...]
    """Settings of which two reports of one bug rarely name both."""
    impacts: frozenset[str]
    class_of_cwe: dict[int, str]
    stem: Callable[[str], str]
    """Gives a lower-case word without its ending."""
    empty: frozenset[str]
    common_names: frozenset[str]
    function_words: frozenset[str]
    """Words next to which a name is that of a function."""
    input_words: frozenset[str]
    """Words next to which a name is that of an input."""
    no_names: frozenset[str]
    """Words that stand there too and name nothing."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Return the names of all classes of flaws."""
        return tuple(self.classes.patterns)

    def classes_in(self, text: str) -> frozenset[str]:
        """Return the classes of flaws and impacts that a lower-cased text names."""
        found = self.classes.named_in(text[:MAX_CLASS_CHARS])
        if found & {"oobr", "oobw"}:
            found.discard("oob")
        return frozenset(found)

    def settings_in(self, text: str) -> frozenset[str]:
        """Return the circumstances that a lower-cased text names."""
        return frozenset(self.settings.named_in(text[:MAX_CLASS_CHARS]))


@cache
def lexicon(name: str = "lexicon-1") -> Lexicon:
    """Load a version of the words."""
    document = policy.load(f"match/{name}")
    return Lexicon(
        name=f"{document['id']}/{document['version']}",
        classes=_wordings(document, "classes"),
        settings=_wordings(document, "settings"),
        rivals=tuple((one, other) for one, other in cast("list[list[str]]", document["rivals"])),
        impacts=frozenset(cast("list[str]", document["impacts"])),
        class_of_cwe={
            number: tag
            for tag, numbers in cast("dict[str, list[int]]", document["cwe"]).items()
            for number in numbers
        },
        stem=lru_cache(_STEMS)(partial(_stem, _endings(document))),
        empty=frozenset(str(document["empty"]).split()),
        common_names=frozenset(str(document["common_names"]).split()),
        function_words=frozenset(str(document["function_words"]).split()),
        input_words=frozenset(str(document["input_words"]).split()),
        no_names=frozenset(str(document["no_names"]).split()),
    )


def _wordings(document: _Document, key: str) -> Wordings:
    entries = cast("dict[str, str]", document[key])
    return Wordings(
        patterns={name: re.compile(pattern) for name, pattern in entries.items()},
        literals=tuple(
            (literal, name) for name, pattern in entries.items() for literal in literals(pattern)
        ),
    )


_OPTIONAL = re.compile(r"\(?:[^()]*\)[?*]?|\[[^\]]*\][?*+]?|\\.[?*+]?|.[?*]")
"""What a match may do without, or may write in several ways; innermost groups first."""


def literals(pattern: str) -> tuple[str, ...]:
    """Return texts of which one stands in every match: the longest plain one of each alternative.

    That is the empty text where an alternative has none.
    """
    alternatives, depth = [""], 0
    for sign in re.findall(r"\\.|\[[^\]]*\]|.", pattern):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "|" and depth == 0:
            alternatives.append("")
        else:
            alternatives[-1] += sign
    return tuple(dict.fromkeys(map(_longest, alternatives)))


def _longest(alternative: str) -> str:
    left = alternative
    while (plain := _OPTIONAL.sub("\0", left)) != left:
        left = plain
    return max(re.split(r"[\0()?*+|]+", left), key=len)


def _endings(document: _Document) -> tuple[tuple[str, str], ...]:
    return tuple((end, new) for end, new in cast("list[list[str]]", document["endings"]))


_KEPT = ("ss", "us", "is")
_DOUBLED = {"ing", "ed", "ings"}


def _stem(endings: tuple[tuple[str, str], ...], word: str) -> str:
    if len(word) <= 3 or not word.isalpha() or word.endswith(_KEPT):
        return word
    for ending, new in endings:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            base = word[: -len(ending)] + new
            twice = len(base) > 3 and base[-1] == base[-2] and base[-1] not in "lsz"
            return base[:-1] if ending in _DOUBLED and twice else base
    return word
