import random

import pytest

from clearhouse.clearing.match.bench import Archive
from clearhouse.clearing.match.contrast import AMONG, DIFFERENCES, NOT_KNOWN, among, differences
from clearhouse.clearing.match.explanation import explain
from clearhouse.clearing.match.forest import Forest, ModelError, probability
from clearhouse.clearing.match.model import BandLimit, model, read
from clearhouse.clearing.match.pairing import (
    CLOSER_LOOK,
    FIRST_LOOK,
    IN_LIST,
    closer_looks,
)
from clearhouse.clearing.match.ranking import Candidate, first_looks, query
from clearhouse.clearing.match.record import Band, ReasonCode
from clearhouse.clearing.match.retrieval import (
    CROWDED,
    WORK,
    Background,
    MemoryIndex,
    asked_under,
    filed_under,
    filing_tokens,
    weigh,
)
from clearhouse.clearing.match.sides import side
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
    ranked = archive.compare(archive.sides[0].sketch, but=0)
    assert 0 not in {one.number for one in ranked}


def prepared(archive, text):
    one = drawn(text)
    tokens = filing_tokens(one)
    held = archive.index.held(tokens)
    found = [Candidate.of(n, 1.0, side) for n, side in enumerate(archive.sides)]
    weights = weigh(one, held, len(archive.sides), archive.model.background)
    return query(side(one, weights), weights, archive.model.classes, found), found


def test_every_look_gives_the_numbers_it_names(archive):
    asked, found = prepared(archive, AGAIN)
    looks = first_looks(asked, found)
    assert {len(look) for look in looks} == {len(FIRST_LOOK)}
    closer = closer_looks(asked, [one.side() for one in found], looks)
    assert {len(look) for look in closer} == {len(CLOSER_LOOK)}
    assert len(closer) == len(found)
    assert len(set(IN_LIST)) == len(IN_LIST)


def test_what_only_one_candidate_shares_sets_it_apart(archive):
    asked, found = prepared(archive, AGAIN)
    sides = [one.side() for one in found]
    told = [dict(zip(AMONG, numbers, strict=True)) for numbers in among(asked, sides)]
    assert told[0]["words unique"] == max(one["words unique"] for one in told) > 0
    assert told[0]["words missing"] == min(one["words missing"] for one in told)
    alone = dict(zip(AMONG, among(asked, sides[:1])[0], strict=True))
    assert alone["words missing"] == alone["old telling words in rival"] == 0
    assert alone["words of union"] == 1


def test_what_the_earlier_report_is_about_is_missed_in_another(archive):
    asked, found = prepared(archive, TEXTS["crlf"])
    same, other = (
        dict(zip(DIFFERENCES, differences(asked, one.side()), strict=True)) for one in found[:2]
    )
    assert same["old telling words, missing"] == 0
    assert same["old telling words, share held"] == 1
    assert other["old telling words, missing"] > other["old telling words, heaviest missing"] > 0
    assert same["form alike"] == same["purl kind alike"] == same["products spelt alike"] == 1
    assert other["old places named in new"] == NOT_KNOWN


def test_a_place_that_one_report_names_is_looked_for_in_all_words_of_the_other():
    made = Archive(model=model())
    made.add("one", drawn("The function readHeader trusts the length parameter"))
    asked, found = prepared(made, "After readHeader the function freeChunk runs twice")
    told = dict(zip(DIFFERENCES, differences(asked, found[0].side()), strict=True))
    assert told["old places named in new"] == 0.5
    assert told["old places not in new"] == 1
    assert told["new places not in old"] == 1


def test_evidence_is_in_both_reports_and_doubt_is_told(archive):
    asked, found = prepared(archive, AGAIN)
    readable = {t: str(t) for t in asked.weights} | {c: str(c) for c in asked.side.sketch.classes}
    for candidate in found:
        a, b = asked.side.sketch, candidate.side().sketch
        both = {
            str(t).partition(":")[2] or str(t)
            for t in (a.all_words & b.all_words)
            | (a.specifics & b.specifics)
            | (a.classes & b.classes)
            | (a.names & b.names)
        }
        for reason in explain(asked, candidate.side(), readable):
            assert set(reason.evidence) <= both
    other = explain(asked, found[1].side(), readable)
    assert ReasonCode.OTHER_FAMILY in {reason.code for reason in other}


def test_a_near_copy_of_another_flaw_is_doubted_where_it_differs(archive):
    asked, found = prepared(archive, TEXTS["crlf"].replace("CRLF", "SQL injection"))
    reasons = explain(asked, found[0].side(), {t: str(t) for t in asked.weights})
    assert any(reason.weight > 0 for reason in reasons)


def test_the_same_flaw_in_another_place_is_told_from_the_same_place():
    def said(where):
        return drawn(
            f"CRLF injection: `{where}` in {where}.js and {where}Handler split the request"
        )

    made = Archive(model=model())
    made.add("setCookie", said("setCookie"))
    asked, found = prepared(made, "")
    one = said("buildPath")
    weights = weigh(one, {}, 1, made.model.background)
    asked = query(side(one, weights), weights, made.model.classes, found)
    readable = {t: str(t) for t in asked.weights} | {c: str(c) for c in one.classes}
    codes = {reason.code for reason in explain(asked, made.sides[0], readable)}
    assert ReasonCode.OTHER_PLACE in codes


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
    assert [forest.log_odds(x) for x in ([0.5, 9], [1, 2], [1, 3])] == [1.5, 10.5, 100.5]
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


@pytest.mark.parametrize("most", [1, 8, 16, 24, 64, 90])
def test_all_trees_at_once_say_what_walking_each_says(most):
    draw = random.Random(most)
    trees = [grown(draw, 4, draw.randint(1, most)) for _ in range(30)] + [grown(draw, 4, most)]
    forest = Forest(*zip(*trees, strict=True))
    for _ in range(200):
        numbers = [draw.choice([-2.0, -1.0, 0.0, 0.25, 0.5, 1.0, 2.0, 9.0]) for _ in range(4)]
        expected = sum(walked(*tree, numbers) for tree in trees)
        assert forest.log_odds(numbers) == pytest.approx(expected, abs=1e-9)


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
