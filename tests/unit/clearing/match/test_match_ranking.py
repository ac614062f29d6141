import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhouse.clearing.match.bench import Archive, weighed
from clearhouse.clearing.match.closely import closer_looks
from clearhouse.clearing.match.columns import Asking, meet, queries
from clearhouse.clearing.match.contrast import NOT_KNOWN
from clearhouse.clearing.match.explanation import explain
from clearhouse.clearing.match.forest import MOST_LEAVES, Forest, ModelError, probability
from clearhouse.clearing.match.model import BandLimit, model, read
from clearhouse.clearing.match.packing import unpack
from clearhouse.clearing.match.pairing import (
    CLOSER_LOOK,
    FIRST_LOOK,
    IN_GROUP,
    IN_LIST,
    first_looks,
    query,
)
from clearhouse.clearing.match.ranking import NOTHING, Candidates, in_lists, rank
from clearhouse.clearing.match.record import Band, ReasonCode
from clearhouse.clearing.match.retrieval import (
    CROWDED,
    WORK,
    Background,
    MemoryIndex,
    asked_under,
    filed_under,
    filing_tokens,
)
from clearhouse.clearing.match.sketch import Material, sketch

TEXTS = {
    "crlf": "undici request() accepts CRLF in the `path` option, so headers can be injected",
    "redos": "The regular expression in parseSetCookie backtracks for crafted cookie attributes",
    "proxy": "Proxy-Authorization is sent to a third party after a redirect to another origin",
    "cookie": "Cookies are not cleared on a cross-origin redirect and leak to the other host",
}
AGAIN = "Header injection: newline characters in `path` of request() split the HTTP request"


def drawn(text):
    return sketch(Material(text=text, products=("undici",), purls=("pkg:npm/undici",)))


@pytest.fixture(scope="module")
def archive():
    made = Archive(model=model())
    for rid, text in TEXTS.items():
        made.add(rid, drawn(text))
    return made


def test_the_report_that_says_the_same_comes_first(archive):
    ranked = archive.compare(drawn(AGAIN))
    assert archive.rids[ranked[0].number] == "crlf"
    assert [one.log_odds for one in ranked] == sorted((o.log_odds for o in ranked), reverse=True)
    assert all(0 <= one.probability <= 1 for one in ranked)


def test_an_empty_archive_has_nothing_alike():
    assert Archive(model=model()).compare(drawn(AGAIN)) == ()


def test_a_report_that_must_be_judged_is_judged(archive):
    far = drawn("An unrelated remark")
    assert {one.number for one in archive.compare(far, always={3})} >= {3}


def test_a_report_is_not_compared_with_itself(archive):
    ranked = archive.compare(drawn(TEXTS["crlf"]), but=0)
    assert 0 not in {one.number for one in ranked}


def asked_of(archive, text):
    """Return a new report beside all of an archive, and its tokens in the clear."""
    one = drawn(text)
    readable = {}
    side, weights = weighed(one, archive.weights(one), readable)
    asked = queries([Asking(side=side, weights=weights)], archive.classes)
    looks = first_looks(asked, [archive.packed], [[1.0] * len(archive.packed)])
    return asked, looks, readable


def explained(archive, text, place):
    """Return why a report of an archive is suggested for a new one."""
    asked, looks, readable = asked_of(archive, text)
    old = unpack(archive.packed[place])
    return explain(query(asked, looks.around, 0), old, readable)


def told(archive, text):
    """Return what the closer look says about each report of an archive, by name."""
    asked, looks, _ = asked_of(archive, text)
    rows = closer_looks(asked, looks.around, [archive.packed], looks.numbers)
    return [dict(zip(CLOSER_LOOK, row, strict=True)) for row in rows.tolist()]


def test_every_look_gives_the_numbers_it_names(archive):
    asked, looks, _ = asked_of(archive, AGAIN)
    assert looks.numbers.shape == (len(TEXTS), len(FIRST_LOOK))
    closer = closer_looks(asked, looks.around, [archive.packed], looks.numbers)
    assert closer.shape == (len(TEXTS), len(CLOSER_LOOK))
    inside = in_lists(closer, closer[:, 0], np.array([0, len(TEXTS)]))
    assert inside.shape == (len(TEXTS), len(IN_LIST))
    assert len(set(IN_LIST)) == len(IN_LIST)


def test_a_candidate_is_seen_in_its_list_alone():
    draw = np.random.default_rng(1)
    rows = np.cumsum([0, 5, 1, 0, 20])
    closer = draw.random((rows[-1], len(CLOSER_LOOK)))
    alone = np.concatenate([-np.sort(-draw.normal(size=count)) for count in np.diff(rows)])
    together = in_lists(closer, alone, rows)
    for low, high in itertools.pairwise(rows.tolist()):
        each = in_lists(closer[low:high], alone[low:high], np.array([0, high - low]))
        assert np.allclose(each, together[low:high], rtol=0, atol=1e-12)


def test_what_a_list_says_of_its_candidates():
    closer = np.zeros((4, len(CLOSER_LOOK)))
    shared = CLOSER_LOOK.index("words shared")
    closer[:, shared] = [9.0, 4.0, 9.0, 5.0]
    said = in_lists(closer, np.array([2.0, 0.0, -3.0, 1.0]), np.array([0, 3, 4]))
    first, second, third, only = (dict(zip(IN_LIST, row, strict=True)) for row in said.tolist())
    assert [one["ahead of next"] for one in (first, second, third)] == [2.0, 3.0, -3.0 - NOTHING]
    assert [one["ahead of rival"] for one in (first, second, only)] == [2.0, -2.0, 1.0 - NOTHING]
    assert (first["mean of five"], only["mean of five"]) == (pytest.approx(-1 / 3), 1.0)
    assert (second["likely in list"], second["length of list"], only["second alone"]) == (
        *(2.0, 3.0),
        NOTHING,
    )
    assert only["share of list"] == 1.0
    ahead = [one["words shared, ahead of the others"] for one in (first, second, third, only)]
    assert ahead == [0.0, -5.0, 0.0, 5.0]


def test_what_only_one_candidate_shares_sets_it_apart(archive):
    said = told(archive, AGAIN)
    assert said[0]["words unique"] == max(one["words unique"] for one in said) > 0
    assert said[0]["words missing"] == min(one["words missing"] for one in said)
    made = Archive(model=model())
    made.add("crlf", drawn(TEXTS["crlf"]))
    (alone,) = told(made, AGAIN)
    assert alone["words missing"] == alone["old telling words in rival"] == 0
    assert alone["words of union"] == 1


def test_what_the_earlier_report_is_about_is_missed_in_another(archive):
    same, other, *_ = told(archive, TEXTS["crlf"])
    assert same["old telling words, missing"] == 0
    assert same["old telling words, share held"] == 1
    assert other["old telling words, missing"] > other["old telling words, heaviest missing"] > 0
    assert same["form alike"] == same["purl kind alike"] == same["products spelt alike"] == 1
    assert other["old places named in new"] == NOT_KNOWN


def test_a_place_that_one_report_names_is_looked_for_in_all_words_of_the_other():
    made = Archive(model=model())
    made.add("one", drawn("The function readHeader trusts the length parameter"))
    (said,) = told(made, "After readHeader the function freeChunk runs twice")
    assert said["old places named in new"] == 0.5
    assert said["old places not in new"] == 1
    assert said["new places not in old"] == 1


def test_a_run_of_words_that_is_copied_is_told_from_words_that_meet():
    made = Archive(model=model())
    text = " ".join(f"{TEXTS[name]}." for name in TEXTS)
    made.add("one", drawn(text))
    words = sorted(text.split())
    copied, shuffled = told(made, text)[0], told(made, " ".join(words))[0]
    assert copied["runs shared of shorter"] == pytest.approx(1, abs=1e-3)
    assert shuffled["runs shared of shorter"] == 0
    assert shuffled["words shared of shorter"] > 0.9


def by_hand(archive, text):
    """Sum some numbers of the closer look over sets, one report at a time."""
    asked, looks, _ = asked_of(archive, text)
    (one,) = asked.asking
    a, weights = one.side.sketch, one.weights
    spread = dict(zip(asked.tokens.tolist(), looks.around.spread.tolist(), strict=True))
    for packed in archive.packed:
        old = unpack(packed)
        b = old.sketch
        words = sorted((weights[t] for t in a.words & b.words), reverse=True)
        yield {
            "words shared": sum(words),
            "second word": words[1] if len(words) > 1 else 0,
            "words at most two": sum(weights[t] for t in a.words & b.words if spread[t] <= 2),
            "pairs shared count": len(a.pairs & b.pairs),
            "runs shared": sum(weights[t] for t in a.runs & b.runs),
            "new title in old": NOT_KNOWN,
            "old specifics in new words": sum(weights[t] for t in b.specifics & a.words),
            "flaws only new": sum(
                asked.class_weights[t] for t in (a.classes - a.impacts) - (b.classes - b.impacts)
            ),
            "flaws only old": sum(
                asked.class_weights[t] for t in (b.classes - b.impacts) - (a.classes - a.impacts)
            ),
            "settings apart": len(a.settings ^ b.settings),
            "old telling words, share held": sum(w for t, w in old.telling if t in a.all_words)
            / sum(w for _, w in old.telling),
        }


@pytest.mark.parametrize("text", [AGAIN, *TEXTS.values(), "a stored XSS on Windows in a plugin"])
def test_sums_over_columns_are_the_sums_over_sets(archive, text):
    for said, expected in zip(told(archive, text), by_hand(archive, text), strict=True):
        assert {name: said[name] for name in expected} == pytest.approx(expected, abs=1e-9)


def seen(lists):
    """Return what the closer look saw of each candidate."""
    return [[one.numbers.tolist() for one in ranked] for ranked in lists]


def test_reports_asked_together_get_what_each_would_get_alone(archive):
    texts = [AGAIN, "nothing", *TEXTS.values()]
    sides = [weighed(drawn(text), archive.weights(drawn(text))) for text in texts]
    asking = [Asking(side=side, weights=weights) for side, weights in sides]
    near = [[0, 1, 2, 3], [], [2], [3, 1], [0], [1, 2, 3]]
    found = [
        Candidates(
            numbers=some,
            scores=[9.0 - n for n in range(len(some))],
            packed=[archive.packed[n] for n in some],
        )
        for some in near
    ]
    together, _ = rank(model(), queries(asking, archive.classes), found)
    alone = [
        rank(model(), queries([one], archive.classes), [some])[0][0]
        for one, some in zip(asking, found, strict=True)
    ]
    assert together == alone
    assert seen(together) == seen(alone)
    assert [sorted(one.number for one in ranked) for ranked in together] == [
        sorted(some) for some in near
    ]


def test_evidence_is_in_both_reports_and_doubt_is_told(archive):
    asked, looks, readable = asked_of(archive, AGAIN)
    reasons = []
    for packed in archive.packed:
        old = unpack(packed)
        a, b = asked.sketches[0], old.sketch
        both = {
            readable[t].partition(":")[2] or readable[t]
            for t in (a.all_words & b.all_words)
            | (a.specifics & b.specifics)
            | (a.classes & b.classes)
            | (a.names & b.names)
        }
        reasons.append(explain(query(asked, looks.around, 0), old, readable))
        for reason in reasons[-1]:
            assert set(reason.evidence) <= both
    assert ReasonCode.OTHER_FAMILY in {reason.code for reason in reasons[1]}


def test_a_near_copy_of_another_flaw_is_doubted_where_it_differs(archive):
    text = TEXTS["crlf"].replace("CRLF", "SQL injection")
    assert any(reason.weight > 0 for reason in explained(archive, text, 0))


def test_the_same_flaw_in_another_place_is_told_from_the_same_place():
    def said(where):
        return f"CRLF injection: `{where}` in {where}.js and {where}Handler split the request"

    made = Archive(model=model())
    made.add("setCookie", drawn(said("setCookie")))
    reasons = explained(made, said("buildPath"), 0)
    assert ReasonCode.OTHER_PLACE in {reason.code for reason in reasons}


def test_rarer_tokens_weigh_more_and_new_ones_most():
    background = Background(reports=100, counts={"common": 60, "rare": 3})
    weights = [background.weight(t, 1, 50) for t in ("common", "rare", "unheard")]
    assert weights == sorted(weights)


def test_a_look_reads_no_more_than_its_share_of_a_crowded_index():
    background = Background(reports=10, counts={})
    tokens = {f"t{i}": 1.0 for i in range(60)}
    held = dict.fromkeys(tokens, CROWDED)
    asked = asked_under(tokens, held, 100_000, background)
    assert 0 < sum(held[token] for token in asked) <= WORK
    assert asked_under({"t": 1.0}, {"t": CROWDED + 1}, 100_000, background) == {}


def test_names_are_filed_to_be_counted_and_never_looked_under():
    background = Background(reports=10, counts={})
    tokens = filing_tokens(drawn(AGAIN))
    assert "n:undici" in filed_under(tokens, background)
    index = MemoryIndex()
    index.add(drawn(AGAIN), filed_under(tokens, background))
    assert "n:undici" not in asked_under(tokens, index.held(tokens), 1, background)


def test_a_forest_sums_its_trees():
    document = {
        "features": ["a", "b"],
        "trees": [
            {"nodes": [[0, 0.5, -1, 1], [1, 2.0, -2, -3]], "leaves": [1.0, 10.0, 100.0]},
            {"nodes": [], "leaves": [0.5]},
        ],
    }
    forest = Forest.of(document, ("a", "b"))
    rows = np.array([[0.5, 9], [1, 2], [1, 3]])
    assert forest.log_odds(rows).tolist() == [1.5, 10.5, 100.5]
    with pytest.raises(ModelError, match="other features"):
        Forest.of(document, ("b", "a"))


def grown(draw, features, leaves):
    """Return a random tree: its nodes and what its leaves say."""
    nodes, ends = [], [None]
    while len(ends) < leaves:
        place = ends.pop(draw.randrange(len(ends)))
        node = len(nodes)
        nodes.append([draw.randrange(features), draw.choice([-1.0, 0.0, 0.5, 2.0]), None, None])
        if place is not None:
            nodes[place[0]][place[1]] = node
        ends += [(node, 2), (node, 3)]
    for leaf, place in enumerate(end for end in ends if end is not None):
        nodes[place[0]][place[1]] = -1 - leaf
    return tuple(map(tuple, nodes)), tuple(draw.random() for _ in range(leaves))


def walked(nodes, leaves, numbers):
    node = 0 if nodes else -1
    while node >= 0:
        feature, threshold, low, high = nodes[node]
        node = low if numbers[feature] <= threshold else high
    return leaves[-1 - node]


@pytest.mark.parametrize("most", [1, 8, 17, 32, MOST_LEAVES])
def test_all_trees_at_once_say_what_walking_each_says(most):
    draw = random.Random(most)
    trees = [grown(draw, 4, draw.randint(1, most)) for _ in range(30)] + [grown(draw, 4, most)]
    forest = Forest(*zip(*trees, strict=True))
    values = [-2.0, -1.0, 0.0, 0.25, 0.5, 1.0, 2.0, 9.0]
    rows = [[draw.choice(values) for _ in range(4)] for _ in range(200)]
    expected = [sum(walked(*tree, numbers) for tree in trees) for numbers in rows]
    assert forest.log_odds(np.array(rows)) == pytest.approx(expected, abs=1e-4)


def test_trees_with_more_leaves_than_a_byte_numbers_are_refused():
    draw = random.Random(1)
    with pytest.raises(ModelError, match="more than 256 leaves"):
        Forest(*zip(grown(draw, 4, MOST_LEAVES + 1), strict=True))


def test_probabilities_do_not_overflow():
    assert probability(-2000) == 0.0
    assert probability(2000) == 1.0
    assert probability(0) == 0.5


def fitted(**changes):
    leaf = {"trees": [{"nodes": [], "leaves": [0.0]}]}
    return {
        "id": "m",
        "version": 7,
        "lexicon": "match-lexicon/1",
        "reports": 10,
        "counts": {},
        "first": leaf | {"features": list(FIRST_LOOK)},
        "closer": leaf | {"features": list(CLOSER_LOOK)},
        "final": leaf | {"features": list(IN_LIST)},
        "group": leaf | {"features": list(IN_GROUP)},
        "join_at": 0.5,
        "knots": [[-2.0, 0.1], [0.0, 0.2], [2.0, 0.9]],
        "link_at": 0.5,
        "pair_at": 0.5,
        "bands": [["proven", 0.95, 0.99], ["likely", 0.8, 0.85]],
        "provenance": {},
    } | changes


def test_calibration_joins_its_knots_and_never_falls():
    made = read(fitted())
    given = [made.calibrated(x) for x in (-9, -2, -1, 0, 1, 2, 9)]
    assert given == sorted(given)
    assert given[0] == 0.1
    assert given[2] == pytest.approx(0.15)
    assert given[-1] == 0.9
    assert read(fitted(knots=[])).calibrated(0.0) == 0.5


def test_bands_are_told_from_the_surest_down():
    made = read(fitted())
    assert made.bands[0] == BandLimit(band=Band.PROVEN, at_least=0.95, precision=0.99)
    assert [made.band(p) for p in (0.99, 0.9, 0.5)] == [Band.PROVEN, Band.LIKELY, Band.UNRELATED]


def test_a_model_for_another_lexicon_or_a_missing_one_is_refused():
    with pytest.raises(ModelError, match="needs match-lexicon/9"):
        read(fitted(lexicon="match-lexicon/9"))
    with pytest.raises(ModelError, match="cannot read"):
        model("model-999")


def test_a_model_that_was_not_trained_states_no_precision():
    if not model().provenance.get("trained", True):
        assert {limit.precision for limit in model().bands} == {None}
        assert model().knots == ()


def test_the_model_that_is_shipped_says_where_it_came_from():
    assert {"data_sha256", "script", "seed", "trained_on"} <= set(model().provenance)


# Few ways to end, so that tokens which end alike are not one.
tokens = st.lists(
    st.builds(lambda high, low: high << 16 | low, st.integers(-9, 9), st.integers(0, 3))
)


@given(tokens, tokens)
def test_tokens_are_found_among_those_asked_for_however_they_end(asked, held):
    asked = sorted(set(asked))
    there, at = meet(np.array(asked, np.int64), np.array(held, np.int64))
    assert there.tolist() == [place for place, token in enumerate(held) if token in asked]
    assert [asked[one] for one in at] == [token for token in held if token in asked]
