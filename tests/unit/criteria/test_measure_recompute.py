"""Every number that a header claims is computed again; odd archives and samples are refused."""

import io
import json
import zipfile

import pytest

from clearhouse.criteria.measure.archive import open_archive
from clearhouse.criteria.measure.fingerprints import dataset_sha256, samples_sha256
from clearhouse.criteria.measure.inspect_sample import read_sample
from clearhouse.criteria.measure.recompute import Reduced, disagreements, recomputed, reducer
from clearhouse.criteria.measure.record import EvidenceError, Reported, Sample


def samples(*items):
    return [
        Sample(id=f"i{n}", epoch=epoch, scores={"s": score}, item_sha256=None, sample_sha256="x")
        for n, scores in enumerate(items)
        for epoch, score in enumerate(scores, start=1)
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (None, 0.5), ("mean", 0.5), ("median", 0.5), ("mode", 1.0), ("max", 1.0),
        ("at_least_2", 1.0), ("at_least_3", 0.0), ("pass_at_1", 0.5), ("pass_at_3", 1.0),
        ("pass_at_2", 1 - 1 / 6),
    ],
)  # fmt: skip
def test_attempts_are_reduced_as_the_log_says(name, value):
    assert reducer(name)([1.0, 0.0, 1.0, 0.0]) == pytest.approx(value)


def test_what_is_not_known_is_not_judged():
    assert reducer("geometric") is None
    assert (
        recomputed(Reported(scorer="s", reducer=None, metric="grouped", value=1.0), samples([1]))
        is None
    )
    assert (
        recomputed(Reported(scorer="t", reducer=None, metric="mean", value=1.0), samples([1]))
        is None
    )


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("accuracy", 0.5),
        ("inspect_ai/mean", 0.5),
        ("std", 0.7071068),
        ("var", 0.5),
        ("stderr", 0.5),
    ],
)
def test_metrics_are_those_of_the_harness(metric, value):
    one = Reported(scorer="s", reducer=None, metric=metric, value=None)
    assert recomputed(one, samples([1.0], [0.0])) == pytest.approx(value)
    said = disagreements(samples([1.0], [0.0]), [one], (), None)
    assert "no finite number" in said[0]


def test_many_broken_samples_are_named_by_a_few():
    broken = [
        Sample(id=f"i{n}", epoch=1, scores={}, item_sha256=None, sample_sha256="x", faults=("odd",))
        for n in range(9)
    ]
    said = disagreements(broken, (), (), None)
    assert said[0] == "i0 epoch 1: odd"
    assert said[-1] == "and 4 samples more"


def test_repeated_items_and_reductions_without_samples_are_named():
    twice = [*samples([1.0]), *samples([1.0])]
    reduced = [Reduced(scorer="s", reducer="mean", item="gone", parts={"s": 1.0})]
    assert disagreements(twice, (), reduced, None) == (
        "1 samples repeat an item and epoch",
        "1 items have other scores than the log's reductions say",
    )


def test_hashes_ignore_order_and_miss_nothing():
    assert dataset_sha256({"a": "1", "b": "2"}) == dataset_sha256({"b": "2", "a": "1"})
    assert dataset_sha256({"a": "1", "b": None}) is None
    assert dataset_sha256({}) is None
    assert samples_sha256([("a", 1, "x"), ("b", 1, "y")]) == samples_sha256(
        [("b", 1, "y"), ("a", 1, "x")]
    )
    assert samples_sha256([("a", 1, "x")]) != samples_sha256([("a", 2, "x")])


def test_a_sample_that_is_no_json_or_names_nothing_is_refused():
    for content, said in (
        (b"{", "not JSON"),
        (b'{"epoch": 1}', "names no item"),
        (b"[]", "names no"),
    ):
        with pytest.raises(EvidenceError, match=said):
            read_sample(content)
    assert read_sample(b'{"id": 7, "epoch": 1}').item_sha256 is None


def test_the_models_of_graders_are_not_the_model_under_test():
    content = (
        b'{"id": "a", "epoch": 1, "events": [{"event": "model", "role": "grader", "model": "judge",'
        b' "request_ids": ["g1"], "output": {"model": "judge"}}]}'
    )
    sample = read_sample(content)
    assert (sample.served, sample.requested, sample.model_calls) == ((), (), 0)
    assert sample.request_ids == ("g1",)


def test_an_answer_is_counted_once_however_many_headers_name_it():
    def noted(*ids):
        keys = ("id", "header", "status")
        entries = [dict(zip(keys, one, strict=True)) for one in ids]
        event = {"event": "model", "request_ids": entries, "output": {"model": "m"}}
        return read_sample(json.dumps({"id": "a", "epoch": 1, "events": [event]}).encode())

    once = noted(("g:1", "x-request-id", 503), ("g:2", "x-request-id", 200),
                 ("g:2", "request-id", 200))  # fmt: skip
    assert once.request_ids == ("g:2",)
    twice = noted(("g:2", "x-request-id", 200), ("g:2", "x-request-id", 200))
    assert twice.request_ids == ("g:2", "g:2")


def archive_of(tmp_path, write):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as out:
        write(out)
    path = tmp_path / "odd.eval"
    path.write_bytes(buffer.getvalue())
    return path


def test_encrypted_unknown_and_misplaced_members_are_refused(tmp_path):
    path = archive_of(tmp_path, lambda out: out.writestr("a", "x" * 50))
    with open_archive(path) as archive:
        assert archive.read("a") == b"x" * 50
        with pytest.raises(EvidenceError, match="has no b"):
            archive.read("b")
    data = path.read_bytes()
    place = data.index(b"PK\x01\x02")
    for offset, value, said in (
        (8, 1, "is encrypted"),
        (10, 12, "method 12"),
        (10, 93, "does not unpack"),
    ):
        changed = bytearray(data)
        changed[place + offset] = value
        path.write_bytes(changed)
        with pytest.raises(EvidenceError, match=said), open_archive(path) as archive:
            archive.read("a")
    path.write_bytes(data[:2] + b"xx" + data[4:])
    with (
        pytest.raises(EvidenceError, match="not where the archive says"),
        open_archive(path) as archive,
    ):
        archive.read("a")


def test_overlapping_members_are_refused(tmp_path):
    path = archive_of(tmp_path, lambda out: [out.writestr(name, "x" * 300) for name in "abcd"])
    data = bytearray(path.read_bytes())
    place = data.index(b"PK\x01\x02")
    data[place + 20 : place + 24] = (10_000).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(EvidenceError, match="overlap"), open_archive(path):
        pass
