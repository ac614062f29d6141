"""What the shipped matcher promises, on public advisories that its trees never saw."""

import random
import re
from itertools import islice

import pytest

from clearhouse.clearing.match.bench import (
    Archive,
    measure_ranking,
    rankings,
    report_of,
    weighed,
)
from clearhouse.clearing.match.bench import lines as read_lines
from clearhouse.clearing.match.columns import Asking, queries
from clearhouse.clearing.match.explanation import explain
from clearhouse.clearing.match.lexicon import lexicon
from clearhouse.clearing.match.model import model
from clearhouse.clearing.match.packing import unpack
from clearhouse.clearing.match.pairing import first_looks, query
from clearhouse.clearing.match.record import Band
from clearhouse.clearing.match.sketch import pieces, squeeze

pytestmark = pytest.mark.no_cover

SURE = {Band.PROVEN, Band.LIKELY}
MEASURED = 500


@pytest.fixture(scope="module")
def public(shared):
    return shared / "bench" / "dedupe" / "dedupe_public.jsonl.gz"


@pytest.fixture(scope="module")
def unseen(public):
    """The first reports of the split that no tree was trained on."""
    every = (line for line in read_lines(public) if line["type"] == "report")
    return list(islice((line for line in every if line["split"] == "dev"), 2 * MEASURED))


def best(stored, asked):
    archive = Archive(model=model())
    for line in stored:
        archive.add(line["rid"], report_of(line).sketch)
    ranked = archive.compare(report_of(asked).sketch)
    if not ranked:
        return None, Band.UNRELATED
    return archive.rids[ranked[0].number], model().band(ranked[0].probability)


def test_the_same_words_are_known_again_in_stores_of_any_size(unseen):
    chance = random.Random(7)
    told = []
    for size in (1, 1, 2, 5, 20):
        for first in chance.sample(unseen, 10):
            stored = [first, *chance.sample([o for o in unseen if o is not first], size - 1)]
            rid, band = best(chance.sample(stored, size), first)
            told.append(rid == first["rid"] and band in SURE)
    assert sum(told) >= 0.97 * len(told)


def test_a_report_sent_again_without_half_of_its_words_is_known_again(unseen):
    chance = random.Random(8)
    told = []
    for first in chance.sample([one for one in unseen if len(one["text"].split()) > 20], 40):
        words = first["text"].split()
        kept = " ".join(words[: len(words) * 2 // 3])
        rid, band = best([first, *chance.sample(unseen, 4)], first | {"text": kept, "title": ""})
        told.append(rid == first["rid"] and band in SURE)
    assert sum(told) >= 0.9 * len(told)


def test_a_stranger_in_a_small_store_is_not_taken_for_known(unseen):
    chance = random.Random(9)
    told = []
    for first in chance.sample(unseen, 60):
        others = [one for one in unseen if one["cluster"] != first["cluster"]]
        _, band = best(chance.sample(others, 3), first)
        told.append(band in SURE)
    assert sum(told) <= 1


def test_bands_are_as_precise_as_they_state_where_they_were_not_set():
    measured = model().provenance["dev_bands_set_by_the_other_half"]
    for limit in model().bands:
        found = measured[limit.band]
        assert found["stated"] == limit.precision
        assert found["suggestions"] == 0 or found["measured"] >= limit.precision
    assert measured[Band.LIKELY]["suggestions"] > 100


def test_what_is_measured_again_agrees_with_what_the_model_says_of_itself(public):
    every = (line for line in read_lines(public) if line.get("split") == "dev")
    told = sorted((o for o in every if o["type"] == "report"), key=lambda line: line["seq"])
    reports = [report_of(line) for line in told[:MEASURED]]
    ranked = {
        one.rid: [(rid, odds, share) for rid, odds, share in found]
        for one, found in rankings(model(), reports)
    }
    measured = measure_ranking(model(), reports, ranked)
    assert measured["recall@1"] >= 0.85
    assert measured["recall@10"] >= 0.97
    assert measured["link_f1"] >= 0.68
    assert measured["bands"][Band.LIKELY]["measured"] >= 0.8


def said(line):
    """Everything that a report says, read apart from the matcher's own sketch."""
    text = " ".join(
        [line["title"], line["text"], *line["component"], *line["purl"], *line["symbols"]]
    )
    found = {text.lower(), squeeze(text)}
    for word in re.findall(r"[\w$@]+", text):
        found |= {word.lower(), *(piece.lower() for piece in pieces(word))}
    return found | {lexicon().stem(word) for word in found}


def stands_in(evidence, line, words):
    plain, squeezed = (
        " ".join(words),
        squeeze(f"{line['title']} {line['text']}".replace("[VER]", "")),
    )
    classes = lexicon().classes_in(f"{line['title']}\n{line['text']}".lower())
    implied = {lexicon().class_of_cwe.get(int(c.partition("-")[2])) for c in line["cwe"]}
    return (
        evidence in words
        or evidence in plain
        or squeeze(evidence) in squeezed
        or evidence in classes | implied
    )


def test_every_piece_of_evidence_stands_in_both_reports(unseen):
    archive = Archive(model=model())
    for line in unseen[:MEASURED]:
        archive.add(line["rid"], report_of(line).sketch)
    checked = 0
    for new in range(0, MEASURED, 10):
        new_one = report_of(unseen[new]).sketch
        readable = {}
        side, weights = weighed(new_one, archive.weights(new_one), readable)
        asked = queries([Asking(side=side, weights=weights)], archive.classes)
        for old in archive.compare(new_one, but=new)[:3]:
            packed = archive.packed[old.number]
            one = query(asked, first_looks(asked, [[packed]], [[1.0]]).around, 0)
            here, there = said(unseen[new]), said(unseen[old.number])
            for reason in explain(one, unpack(packed), readable):
                for evidence in reason.evidence:
                    assert stands_in(evidence, unseen[new], here), (evidence, unseen[new])
                    assert stands_in(evidence, unseen[old.number], there), evidence
                    checked += 1
    assert checked > 250
