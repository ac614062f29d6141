"""Decides pairs at the desk as an analyst in a hurry does: one key each, in a real browser.

After each key the store is asked whether this pair got this word, and no other pair any. Looking
costs none of the time that is returned.
"""

import re
import time
from typing import NamedTuple

from clearhouse.clearing.match import deciding
from clearhouse.clearing.match import operations as match
from clearhouse.clearing.match.record import Relation
from clearhouse.surfaces.web.keys import key_of

WORDS = (Relation.DIFFERENT, Relation.SAME, Relation.SIBLING)
_WORDS_OF_PERSONS = (
    "SELECT edge_id, left_report, right_report, relation FROM match_edge"
    " WHERE basis = 'person' AND state = 'active'"
)


class Said(NamedTuple):
    """One word that was said."""

    edge_id: str
    took_s: float
    """From the key to the next page."""


def decide(page, app, actor, count):
    """Decide as many pairs, each word in its turn, and return what was said."""
    page.goto("/decide")
    return [_decide(page, app, actor, WORDS[turn % len(WORDS)]) for turn in range(count)]


def take_back(page, app, actor, last):
    """Take the last word back with its key, and check that it alone is gone."""
    before = _said(app, actor)
    with page.expect_navigation():
        page.keyboard.press(key_of("undo"))
    now = _said(app, actor)
    assert now <= before
    ((gone, *_),) = before - now
    assert gone == last.edge_id, "the last word is taken back, and no other"
    assert not _pair(app, actor, _shown(page)).decided, "its pair is there again"


def _decide(page, app, actor, word):
    shown, before = _shown(page), _said(app, actor)
    ends = set(_ends(app, actor, shown))
    begin = time.perf_counter()
    with page.expect_navigation():
        page.keyboard.press(key_of(word.value))
    took = time.perf_counter() - begin
    assert _shown(page) != shown, "the next pair is open"
    now = _said(app, actor)
    assert before <= now, "no earlier word is lost"
    ((edge_id, left, right, relation),) = now - before
    assert relation == word.value
    told = {_finding(app, actor, left), _finding(app, actor, right)}
    assert told == set(_ends(app, actor, shown)), "the word is about what was shown"
    assert len(told) == 1 if word is Relation.SAME else told == ends
    assert _pair(app, actor, shown).decided
    return Said(edge_id, took)


def _shown(page):
    return re.search(r"/decide/(edg_[a-z2-7]+)", page.url)[1]


def _said(app, actor):
    """Return every word of a person in force."""
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return set(transaction.tuples(_WORDS_OF_PERSONS))


def _pair(app, actor, edge_id):
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return deciding.pair(app.desk, transaction, edge_id)


def _ends(app, actor, edge_id):
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return deciding.findings_of(transaction, edge_id)


def _finding(app, actor, report):
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return match.finding_of(transaction, report)
