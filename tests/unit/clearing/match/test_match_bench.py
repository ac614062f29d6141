import gzip
import json

import pytest

from clearhouse.clearing.match.bench import read_pairs, read_reports, run, split_of
from clearhouse.clearing.match.bench_stacks import stacks

TEXTS = [
    ("c1", "undici request() accepts CRLF in the `path` option, so headers can be injected"),
    ("c2", "The regular expression in parseSetCookie of undici backtracks for crafted cookies"),
    ("c1", "Header injection: newline characters in `path` of undici request() split requests"),
    ("c3", "Proxy-Authorization of undici goes to a third party after a redirect"),
]


@pytest.fixture
def data(tmp_path):
    reports = [
        {"type": "report", "split": "dev", "rid": f"R{i}", "seq": i, "cluster": cluster}
        | {"title": "", "text": text, "component": ["undici"], "purl": [], "cwe": []}
        for i, (cluster, text) in enumerate(TEXTS)
    ]
    pairs = [
        {"type": "pair", "split": "dev", "a": a, "b": b, "label": label, "kind": "x"}
        for a, b, label in (("R0", "R2", 1), ("R0", "R1", 0), ("R2", "R3", 0))
    ]
    path = tmp_path / "data.jsonl.gz"
    with gzip.open(path, "wt") as file:
        for line in reversed([*reports, *pairs]):
            file.write(json.dumps(line) + "\n")
    return path


def test_reports_are_read_in_order_of_arrival_and_by_split(data):
    assert [report.rid for report in read_reports(data)] == ["R0", "R1", "R2", "R3"]
    assert split_of(read_reports(data), "train") == []
    assert len(read_pairs(data)) == 3


def test_a_benchmark_gives_predictions_and_measures(data, tmp_path):
    out = tmp_path / "predictions.jsonl"
    found = run(data, split="dev", predictions=out)
    assert (found["reports"], found["pairs"]) == (4, 3)
    assert found["retrieval"]["duplicates"] == 1
    assert found["retrieval"]["recall@1"] == 1.0
    assert found["pair"]["recall"] is not None
    predictions = [json.loads(line) for line in out.read_text().splitlines()]
    order = {f"R{i}": i for i in range(4)}
    ranks = [line for line in predictions if line["type"] == "rank"]
    assert {line["rid"] for line in ranks} == set(order)
    for line in ranks:
        assert all(order[rid] < order[line["rid"]] for rid, _ in line["ranked"])
    scores = {(p["a"], p["b"]): p["score"] for p in predictions if p["type"] == "pair"}
    assert scores["R0", "R2"] == max(scores.values())


def test_without_answers_nothing_is_measured(data, tmp_path):
    blind = tmp_path / "blind.jsonl"
    with gzip.open(data, "rt") as file, blind.open("w") as out:
        for text in file:
            line = json.loads(text)
            line.pop("cluster", None)
            line.pop("label", None)
            out.write(json.dumps(line) + "\n")
    found = run(blind)
    assert "retrieval" not in found
    assert "pair" not in found


def test_a_split_without_duplicates_gives_no_number(data):
    assert run(data, split="nothing")["reports"] == 0


def test_stacks_are_counted_and_misses_are_told(tmp_path):
    (tmp_path / "stacktraces").mkdir()
    log = "==1==ERROR: AddressSanitizer: SEGV on unknown address 0x1\n    #0 0x1 in parse /src/a.c:1\n"
    for name in ("good", "bad"):
        (tmp_path / "stacktraces" / f"{name}.txt").write_text(log)
    cases = [
        {"case": "good", "file": "good.txt", "crash_state": ["parse"]},
        {"case": "bad", "file": "bad.txt", "crash_state": ["other"]},
    ]
    (tmp_path / "expected.json").write_text(json.dumps(cases))
    assert stacks(tmp_path) == {
        "exact": 1,
        "total": 2,
        "misses": [{"case": "bad", "want": ["other"], "got": ["parse"]}],
    }
