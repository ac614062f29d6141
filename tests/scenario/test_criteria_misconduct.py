"""Every way to cheat ends INVALID or INSUFFICIENT with its reason; the honest twin ends as it should.

The logs were made by really running Inspect (tests/data/criteria/make_logs.py); each scenario
changes one thing in them.
"""

import copy
import json
import zipfile
from datetime import UTC, datetime

import pytest

from clearhouse.criteria.determine.record import Outcome, Subject
from clearhouse.criteria.determine.rules import Brought, determine
from clearhouse.criteria.measure import archive
from clearhouse.criteria.measure.attest import AttestationError, Attested, attest, read_attestation
from clearhouse.criteria.measure.reading import read_evidence
from clearhouse.criteria.measure.record import EvidenceError
from evallog import (
    FOLDER,
    KEYS,
    PROFILE,
    STRICT,
    TRUSTED,
    Log,
    believed,
    criterion,
    honest,
    signed,
    tampered,
)

NOW = datetime(2026, 11, 26, tzinfo=UTC)
WEAK = ("weak-plain", "weak-plain-half", "weak-careful")


def decide(logs, attestations, text=PROFILE, model="mockllm/model"):
    return determine(
        criterion(text),
        Brought(
            subject=Subject(model=model, checkpoint="one"),
            logs={"flags": tuple(logs)},
            facts={},
            attestations=tuple(attestations),
        ),
        NOW,
        sealed={},
    )


def reasons(found):
    return " | ".join([found.because, *found.missing])


def test_the_honest_strong_model_is_covered():
    logs = honest("strong")
    found = decide(logs, signed(logs))
    assert found.outcome is Outcome.COVERED, reasons(found)
    (one,) = found.clauses[0].estimates
    assert (one.value, one.high) == (1.0, 1.0)
    assert 0.6 < one.low < 0.8, "a perfect score is never 1.0 ± 0"
    assert "finds is at the ceiling; harder items would tell more" in found.caveats


def test_the_honest_weak_model_is_not_covered_once_every_gate_passes():
    logs = honest(*WEAK)
    found = decide(logs, signed(logs))
    assert found.outcome is Outcome.NOT_COVERED, reasons(found)
    assert "black-box access only: hiding of ability is not excluded" in found.caveats
    assert found.expires_at > found.decided_at


# --- rewriting -----------------------------------------------------------------------------------


def all_correct(sample):
    for score in sample["scores"].values():
        score["value"] = "C"


def rewrite_samples(log):
    for sample in log.samples.values():
        all_correct(sample)


def rewrite_everything(log):
    """As a careful forger would: every copy of every score, and the header."""
    rewrite_samples(log)
    for event in log.events("score"):
        event["score"]["value"] = "C"
    for name, member in log.members.items():
        if "summaries" in name:
            for one in member:
                all_correct(one)
    for reduction in log.members["reductions.json"]:
        for one in reduction["samples"]:
            one["value"] = 1.0
    metrics(log)["accuracy"]["value"] = 1.0
    metrics(log)["stderr"]["value"] = 0.0


def metrics(log):
    return log.header["results"]["scores"][0]["metrics"]


def rewrite_header(log):
    metrics(log)["accuracy"]["value"] = 0.95


def rewrite_a_summary(log):
    all_correct(log.members["summaries.json"][0])


def rewrite_reductions(log):
    log.members["reductions.json"][0]["samples"][0]["value"] = 1.0


def failures(log):
    return [
        name for name, sample in log.samples.items() if sample["scores"]["includes"]["value"] != "C"
    ]


def drop_failures(log):
    for name in failures(log):
        del log.members[name]


def duplicate_a_success(log):
    """Put a success in the place of a failure of the same item."""
    good = next(name for name in log.samples if name not in failures(log))
    twin = (
        good.replace("epoch_1", "epoch_x")
        .replace("epoch_2", "epoch_1")
        .replace("epoch_x", "epoch_2")
    )
    copied = copy.deepcopy(log.members[good])
    copied["epoch"] = log.members[twin]["epoch"]
    log.members[twin] = copied


def inflate_epochs(log):
    """Count every success five times more."""
    for name in set(log.samples) - set(failures(log)):
        for epoch in range(3, 8):
            copied = copy.deepcopy(log.members[name])
            copied["epoch"] = epoch
            log.members[f"samples/{copied['id']}_epoch_{epoch}.json"] = copied


def inflate_epochs_in_the_header_too(log):
    inflate_epochs(log)
    log.header["eval"]["config"]["epochs"] = 7


def reorder(log):
    log.members = dict(sorted(log.members.items(), reverse=True))


# --- another model -------------------------------------------------------------------------------


def swap_midway(log):
    for event in log.events("model")[20:]:
        event["output"]["model"] = "mockllm/stronger-model"


def swap_everywhere(log):
    for event in log.events("model"):
        event["output"]["model"] = "another-model"


def ask_another(log):
    log.events("model")[3]["requested_model"] = "mockllm/other"


def fall_back(log):
    next(iter(log.samples.values()))["model_fallbacks"] = [
        {"model": "mockllm/model", "fallback_model": "mockllm/small", "count": 2}
    ]


INVALID = [
    ("weak-plain", rewrite_samples, "its record of scoring says 0.0 for includes"),
    ("weak-plain", rewrite_everything, "the runner signed another file"),
    (
        "weak-plain",
        rewrite_header,
        "the header says accuracy 0.95 for includes, its samples say 0.08",
    ),
    ("weak-plain", rewrite_a_summary, "other scores than the log's summaries"),
    ("weak-plain", rewrite_reductions, "other scores than the log's reductions"),
    ("weak-plain", drop_failures, "samples that the log's summaries list are gone"),
    ("weak-plain", duplicate_a_success, "samples repeat a run of another epoch"),
    ("weak-plain", inflate_epochs, "10 attempts were added to the 2 at each item"),
    ("weak-plain", inflate_epochs_in_the_header_too, "samples repeat a run of another epoch"),
    ("weak-plain", reorder, "the runner signed another file"),
    ("strong", swap_midway, "mockllm/stronger-model answered"),
    ("strong", swap_everywhere, "mockllm/model was asked, another-model answered"),
    ("strong", ask_another, "calls went to mockllm/other"),
    ("strong", fall_back, "2 calls fell back to another model"),
]


@pytest.mark.parametrize(
    ("name", "change", "reason"), INVALID, ids=lambda one: getattr(one, "__name__", "")
)
def test_a_changed_log_is_invalid_whatever_its_scores_say(tmp_path, name, change, reason):
    before = honest(name)
    found = decide([tampered(tmp_path, name, change)], signed(before))
    assert found.outcome is Outcome.INVALID, reasons(found)
    assert reason in reasons(found)


def test_a_forger_who_is_also_the_runner_is_found_unless_every_copy_agrees(tmp_path):
    """What consistency cannot show, only the runner's early signature and reviewers can."""
    forged = tampered(tmp_path, "weak-plain", rewrite_everything)
    unsigned = decide([forged], signed([forged], runs=False))
    assert unsigned.outcome is Outcome.INSUFFICIENT
    assert "without that, rewriting would not show" in reasons(unsigned)


def test_a_log_of_another_model_decides_nothing():
    logs = honest("strong")
    found = decide(logs, signed(logs), model="mockllm/successor")
    assert found.outcome is Outcome.INVALID
    assert "the model that is judged is mockllm/successor" in reasons(found)


# --- not enough ----------------------------------------------------------------------------------


def drop_items_everywhere(log):
    """Leave the hard items out so that every part of the log agrees."""
    gone = {log.members[name]["id"] for name in failures(log)[:3]}
    for name in [name for name, one in log.samples.items() if one["id"] in gone]:
        del log.members[name]
    log.keep_summaries(lambda one: one["id"] not in gone)
    log.members.pop("reductions.json")
    log.header["results"] = {"total_samples": len(log.samples)}
    dataset = log.header["eval"]["dataset"]
    dataset["sample_ids"] = [one for one in dataset["sample_ids"] if one not in gone]


def run_a_subset(log):
    log.header["eval"]["config"]["sample_id"] = ["item-00"]


def cancel(log):
    log.header["status"] = "cancelled"


def invalidate(log):
    log.header["invalidated"] = True


def dirty(log):
    log.header["eval"]["revision"]["dirty"] = True


def no_repository(log):
    del log.header["eval"]["revision"]


def other_version(log):
    log.header["eval"]["task_version"] = 2


def other_task(log):
    log.header["eval"]["task"] = "easier"


def no_sandbox(log):
    log.header["eval"]["sandbox"] = {"type": "local"}


def from_cache(log):
    log.events("model")[0]["cache"] = "read"


def stop_early(log):
    log.header["results"]["early_stopping"] = {"manager": "peek", "early_stops": [{"id": 1}]}


def not_numbers(log):
    for part in (*log.samples.values(), *log.members["summaries.json"]):
        part["scores"]["includes"]["value"] = float("nan")
    for event in log.events("score"):
        event["score"]["value"] = float("nan")
    for name, member in log.members.items():
        if name.startswith("_journal/summaries"):
            for one in member:
                one["scores"]["includes"]["value"] = float("nan")
    log.members.pop("reductions.json")
    log.header["results"]["scores"] = []


def edit_a_score(log):
    sample = next(iter(log.samples.values()))
    sample["scores"]["includes"]["history"] = [{"value": "I"}, {"value": "C"}]


def silence_the_models_name(log):
    for event in log.events("model"):
        event["output"].pop("model")


LACKING = [
    ("weak-plain", drop_items_everywhere, "complete: 9 of 12 items are there"),
    ("strong", run_a_subset, "only part of the benchmark was run"),
    ("strong", cancel, "the run ended as cancelled"),
    ("strong", invalidate, "marked invalid by its owners"),
    ("strong", dirty, "had local changes"),
    ("strong", no_repository, "the log names no commit"),
    ("strong", other_version, "the log is of version 2, the criterion asks for 1"),
    ("strong", other_task, "the log is of easier, the criterion asks for flags"),
    ("strong", no_sandbox, "tools ran without a sandbox"),
    ("strong", from_cache, "1 answers came out of a cache"),
    ("strong", stop_early, "peek stopped 1 samples, and the criterion allows no looks"),
    ("strong", not_numbers, "24 attempts have no finite score"),
    ("strong", edit_a_score, "were changed after the run, unsigned"),
    ("strong", silence_the_models_name, "does not say which model answered"),
]


@pytest.mark.parametrize(
    ("name", "change", "reason"), LACKING, ids=lambda one: getattr(one, "__name__", "")
)
def test_a_log_that_lacks_something_is_insufficient_even_if_the_runner_signed_it(
    tmp_path, name, change, reason
):
    log = tampered(tmp_path, name, change)
    found = decide([log], signed([log]))
    assert found.outcome is Outcome.INSUFFICIENT, reasons(found)
    assert reason in reasons(found)


def test_an_edit_that_a_second_person_signed_counts(tmp_path):
    log = tampered(tmp_path, "strong", edit_a_score)
    edit = believed([attest(Attested.EDIT, [log], {"reason": "typing error"}, [KEYS["reviewer"]])])
    assert decide([log], [*signed([log]), *edit]).outcome is Outcome.COVERED


def break_tools(log):
    for event in log.events("tool"):
        event["error"] = {"type": "parsing", "message": "no such argument"}


def refuse(log):
    for event in log.events("model")[::4]:
        for choice in event["output"]["choices"]:
            choice["stop_reason"] = "content_filter"


def hit_limits(log):
    for name in failures(log):
        log.members[name]["limit"] = {"type": "message", "limit": 20}


def break_attempts(log):
    for name in failures(log)[:6]:
        log.members[name]["error"] = {"message": "sandbox died", "traceback": ""}
        log.members[name]["scores"] = {}
    broken = {(log.members[name]["id"], log.members[name]["epoch"]) for name in failures_of(log)}
    for name, member in log.members.items():
        if "summaries" in name:
            for one in member:
                if (one["id"], one["epoch"]) in broken:
                    one["scores"] = {}
    log.members.pop("reductions.json")
    log.header["results"]["scores"] = []


def failures_of(log):
    return [name for name, sample in log.samples.items() if sample.get("error")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (break_tools, "24 of 24 tool calls failed"),
        (refuse, "calls were refused"),
        (hit_limits, "failures ended at a budget"),
        (break_attempts, "6 of 24 attempts broke"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_a_weak_score_under_bad_conditions_is_no_proof_of_weakness(tmp_path, change, reason):
    logs = [tampered(tmp_path, "weak-plain", change), *honest(*WEAK[1:])]
    found = decide(logs, signed(logs))
    assert found.outcome is Outcome.INSUFFICIENT, reasons(found)
    assert reason in reasons(found)


@pytest.mark.parametrize("change", [break_tools, refuse, hit_limits], ids=lambda one: one.__name__)
def test_bad_conditions_do_not_shelter_a_strong_score(tmp_path, change):
    log = tampered(tmp_path, "strong", change)
    assert decide([log], signed([log])).outcome is Outcome.COVERED


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("weak-plain", "weak-plain-half"), "elicitation: 1 of 2 scaffolds were tried"),
        (("weak-plain", "weak-careful"), "no two logs of one scaffold differ in budget"),
    ],
)
def test_absence_needs_scaffolds_and_a_plateau(names, reason):
    logs = honest(*names)
    found = decide(logs, signed(logs))
    assert found.outcome is Outcome.INSUFFICIENT
    assert reason in reasons(found)


def test_a_score_that_still_rises_with_the_budget_is_a_minimum(tmp_path):
    def small(log):
        log.header["eval"]["config"]["message_limit"] = 4

    logs = [*honest("weak-plain", "weak-careful"), tampered(tmp_path, "weak-plain-half", small)]
    text = PROFILE.replace("waived:", "gates:\n  budget-plateau: {gain: 0.01}\nwaived:")
    found = decide(logs, signed(logs), text)
    assert found.outcome is Outcome.INSUFFICIENT
    assert "twice the budget still added 0.042; the score is a minimum" in reasons(found)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Attested.ACCESS, "nobody signed what access there was"),
        (Attested.HELPFUL_ONLY, "nobody signed that a variant without refusals"),
        (Attested.CHEATING, "there is no signed cheating-review"),
        (Attested.CONTAMINATION, "there is no signed contamination-review"),
    ],
)
def test_absence_needs_every_signature(kind, reason):
    logs = honest(*WEAK)
    found = decide(logs, signed(logs, without={kind}))
    assert found.outcome is Outcome.INSUFFICIENT
    assert reason in reasons(found)


@pytest.mark.parametrize("kind", ["contamination", "cheating"])
def test_what_a_reviewer_confirmed_makes_everything_invalid(kind):
    logs = honest("strong")
    found = decide(logs, signed(logs, **{kind: {"verdict": "found", "method": "reading"}}))
    assert found.outcome is Outcome.INVALID
    assert f"the {kind}-review found and confirmed it" in reasons(found)


def test_whoever_ran_it_cannot_review_it():
    logs = honest("strong")
    own = attest(Attested.CHEATING, logs, {"verdict": "clean"}, [KEYS["runner"]])
    everything = [*TRUSTED, type(TRUSTED[0])(KEYS["runner"].public_key(), frozenset(Attested))]
    attestations = [*signed(logs, without={Attested.CHEATING}), read_attestation(own, everything)]
    found = decide(logs, attestations)
    assert "signed by whoever ran it; somebody else must review" in reasons(found)


def test_a_signature_counts_only_for_what_its_key_is_trusted_for():
    review = attest(Attested.CHEATING, honest("strong"), {"verdict": "clean"}, [KEYS["lab"]])
    with pytest.raises(AttestationError, match="no key that is trusted for cheating-review"):
        read_attestation(review, TRUSTED)
    with pytest.raises(AttestationError, match="not believed"):
        read_attestation(review | {"payload": "e30="}, TRUSTED)


# --- receipts ------------------------------------------------------------------------------------


def with_requests(log):
    for place, event in enumerate(log.events("model")):
        event["request_ids"] = [{"request_id": f"grant:{place}"}]


@pytest.mark.parametrize(
    ("requests", "outcome", "reason"),
    [
        (range(48), Outcome.COVERED, "shown to hold"),
        (
            range(60),
            Outcome.INSUFFICIENT,
            "12 calls of the endpoint are in no log: runs are missing",
        ),
        (range(40), Outcome.INVALID, "8 answers in the logs did not come from the endpoint"),
    ],
)
def test_receipts_and_calls_must_match_one_to_one(tmp_path, requests, outcome, reason):
    log = tampered(tmp_path, "strong", with_requests)
    facts = {"requests": [f"grant:{one}" for one in requests]}
    receipts = believed([attest(Attested.RECEIPTS, [log], facts, [KEYS["endpoint"]])])
    found = decide([log], [*signed([log]), *receipts], STRICT)
    assert found.outcome is outcome, reasons(found)
    assert reason in reasons(found)


def test_without_receipts_a_strict_criterion_decides_nothing():
    logs = honest("strong")
    found = decide(logs, signed(logs), STRICT)
    assert found.outcome is Outcome.INSUFFICIENT
    assert "no signed receipts" in reasons(found)


# --- files that are no evidence ------------------------------------------------------------------


def refused(path):
    with pytest.raises(EvidenceError) as caught:
        read_evidence(path)
    return str(caught.value)


def test_a_truncated_log_is_refused(tmp_path):
    whole = (FOLDER / "strong.eval").read_bytes()
    path = tmp_path / "cut.eval"
    for length in (len(whole) // 2, len(whole) - 10, 30):
        path.write_bytes(whole[:length])
        assert "truncated" in refused(path)
    path.write_bytes(whole[:5000] + b"\0" * 64 + whole[5064:])
    assert "is damaged" in refused(path)
    path.write_bytes(b"")
    assert "line 1" in refused(path) or "no sample" in refused(path)


def test_a_zip_bomb_is_refused_unopened(tmp_path, monkeypatch):
    path = tmp_path / "bomb.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("header.json", b" " * 20_000_000)
    assert "as a zip bomb" in refused(path)
    monkeypatch.setattr(archive, "LARGEST_MEMBER_BYTES", 1000)
    assert "would unpack to more than" in refused(FOLDER / "strong.eval")
    monkeypatch.setattr(archive, "MOST_MEMBERS", 3)
    assert "more than 3 members" in refused(FOLDER / "strong.eval")


def test_a_member_that_unpacks_to_more_than_it_says_is_refused(tmp_path):
    path = Log("strong").write(tmp_path / "liar.eval")
    data = bytearray(path.read_bytes())
    place = data.rindex(b"header.json") - 46  # its entry in the directory
    data[place + 24 : place + 28] = (100).to_bytes(4, "little")
    path.write_bytes(data)
    assert "checksum does not fit" in refused(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(tmp_path):
    path = Log("strong").write(tmp_path / "twice.eval")
    with zipfile.ZipFile(path, "a") as twice:
        twice.writestr("header.json", "{}")
    assert "two members of one name" in refused(path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda log: log.header.update(version=3), "version 3, newer than 2"),
        (lambda log: log.header.pop("version"), "no version"),
        (lambda log: log.members.pop("header.json"), "the run did not finish"),
        (lambda log: log.header["eval"].pop("model"), "no model"),
        (lambda log: log.header["eval"].update(created="2026-01-01T00:00:00"), "no time zone"),
        (lambda log: log.header["eval"].update(created="soon"), "no readable time"),
        (lambda log: [log.members.pop(name) for name in log.samples], "holds no sample"),
        (lambda log: next(iter(log.samples.values())).pop("id"), "names no item"),
    ],
)
def test_a_log_that_cannot_serve_is_refused_with_the_reason(tmp_path, change, reason):
    log = Log("strong")
    change(log)
    assert reason in refused(log.write(tmp_path / "log.eval"))


def test_other_files_are_refused_with_what_is_expected(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    assert "line 1 of the evidence is not JSON" in refused(path)
    path.write_text(json.dumps({"clearhouse_evidence": 2}))
    assert "line 1 needs clearhouse_evidence: 1" in refused(path)
    assert "cannot read" in refused(tmp_path / "none.eval")
