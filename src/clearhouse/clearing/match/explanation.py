"""Says in words why a report is suggested, and what speaks against it.

In come a new report in the clear, an earlier one as the index holds it, and what the model thinks
of the pair; out come reasons, the weightiest first. Shared words are named in the words of the new
report, which the reader has before him; of the earlier report nothing is told that is not shared,
only how much it holds beside. Every piece of evidence is a token of both reports.
"""

from collections.abc import Iterable, Mapping
from itertools import islice

from clearhouse.clearing.match.pairing import Query
from clearhouse.clearing.match.record import Reason, ReasonCode
from clearhouse.clearing.match.sides import Side
from clearhouse.clearing.match.sketch import Token

SHOWN = 8
"""How many shared tokens one reason names."""
RARE = 6.0
"""A word of this weight stands in about one report of four hundred, or fewer."""
_UNITS = 40.0
"""So much shared weight counts as full evidence."""
ASKED_OF_OLD = frozenset(
    ["words", "specifics", "classes", "impacts", "names", "product", "all_words", "settings"]
)
"""The groups of tokens of the earlier report that are looked at."""


def explain(query: Query, old: Side, readable: Mapping[Token, str]) -> tuple[Reason, ...]:
    """Return what speaks for and against two reports being one bug.

    `readable` gives the tokens of the new report in the clear.
    """
    reasons = [
        *_words(query, old, readable),
        *_names(query, old, readable),
        *_classes(query, old, readable),
        *_product(query, old, readable),
        *_against(query, old),
    ]
    return tuple(sorted(reasons, key=lambda reason: -abs(reason.weight)))


def _words(query: Query, old: Side, readable: Mapping[Token, str]) -> list[Reason]:
    a, b = query.side.sketch, old.sketch
    shared = _heaviest(query, a.words & b.words)
    total = sum(query.weights[token] for token in shared)
    least = min(query.side.masses.words, old.masses.words)
    if not shared or least <= 0:
        return []
    reasons = [
        Reason(
            code=ReasonCode.TEXT,
            text=f"They share {len(shared)} telling words, {total / least:.0%} of the shorter.",
            weight=_weight(total),
            evidence=_named(shared, readable),
        )
    ]
    few = [token for token, held in zip(shared, query.held(shared), strict=True) if held <= 1]
    rare = [token for token in few if query.weights[token] >= RARE]
    if rare:
        reasons.append(
            Reason(
                code=ReasonCode.RARE_WORDS,
                text=f"None of the other candidates says {', '.join(_named(rare, readable)[:3])}.",
                weight=_weight(sum(query.weights[token] for token in rare)),
                evidence=_named(rare, readable),
            )
        )
    return reasons


def _names(query: Query, old: Side, readable: Mapping[Token, str]) -> list[Reason]:
    a, b = query.side.sketch, old.sketch
    shared = _heaviest(query, a.specifics & b.specifics)
    if shared:
        text = f"Both name {', '.join(_named(shared, readable)[:3])} in code or quotation."
        weight = _weight(sum(query.weights[token] for token in shared))
        evidence = _named(shared, readable)
        return [Reason(code=ReasonCode.SAME_NAMES, text=text, weight=weight, evidence=evidence)]
    if len(a.specifics) >= 3 and len(b.specifics) >= 3:
        text = "Both name places in the code, and none of them is the same."
        code = ReasonCode.OTHER_NAMES
        if a.names & b.names and (a.classes - a.impacts) & (b.classes - b.impacts):
            text = (
                "The same kind of flaw in the same product, but no place in the code is the same."
            )
            code = ReasonCode.OTHER_PLACE
        return [Reason(code=code, text=text, weight=-0.3)]
    return []


def _classes(query: Query, old: Side, readable: Mapping[Token, str]) -> list[Reason]:
    a, b = query.side.sketch, old.sketch
    flaws_a, flaws_b = a.classes - a.impacts, b.classes - b.impacts
    shared = sorted(flaws_a & flaws_b, key=lambda t: (-query.class_weights[t], str(t)))
    if shared:
        evidence = _named(shared, readable)
        text = f"Both describe the same kind of flaw: {', '.join(evidence)}."
        weight = _weight(sum(query.class_weights[token] for token in shared)) / 2
        return [Reason(code=ReasonCode.SAME_CLASS, text=text, weight=weight, evidence=evidence)]
    if flaws_a and flaws_b:
        text = "They describe different kinds of flaws."
        return [Reason(code=ReasonCode.OTHER_FAMILY, text=text, weight=-0.4)]
    return []


def _product(query: Query, old: Side, readable: Mapping[Token, str]) -> list[Reason]:
    a, b = query.side.sketch, old.sketch
    shared = _heaviest(query, (a.names & b.names) | (a.product & b.product))
    if shared:
        evidence = _named(shared, readable)
        text = f"Both are about {evidence[0]}."
        return [Reason(code=ReasonCode.SAME_PRODUCT, text=text, weight=0.15, evidence=evidence)]
    if a.names and b.names and not (a.product & b.all_words or b.product & a.all_words):
        text = "They name different products."
        return [Reason(code=ReasonCode.OTHER_PACKAGE, text=text, weight=-0.3)]
    return []


def _against(query: Query, old: Side) -> list[Reason]:
    a, b = query.side.sketch, old.sketch
    reasons = []
    if any(theirs in b.settings for _, theirs in a.rivals):
        text = "They name circumstances that exclude each other, such as stored and reflected."
        reasons.append(Reason(code=ReasonCode.OTHER_SETTING, text=text, weight=-0.2))
    mine = query.side.masses
    for weighed, owner in ((mine, "new"), (old.masses, "earlier")):
        if weighed.words < RARE * 2:
            text = f"The {owner} report says very little."
            reasons.append(Reason(code=ReasonCode.TERSE, text=text, weight=-0.1))
    return reasons


def _heaviest(query: Query, tokens: Iterable[Token]) -> list[Token]:
    return sorted(tokens, key=lambda token: (-query.weights[token], str(token)))


def _named(tokens: Iterable[Token], readable: Mapping[Token, str]) -> tuple[str, ...]:
    plain = islice((readable[token] for token in tokens if token in readable), SHOWN)
    return tuple(word.partition(":")[2] or word for word in plain)


def _weight(shared: float) -> float:
    return round(min(shared / _UNITS, 1.0), 3)
