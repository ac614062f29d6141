"""A whole window, from the offer to dossiers that match: two evaluators and a hospital.

The clients are the official ones, nightly also Inspect; the model is scripted, so the answers show
what the gateway does and nothing about a model.
"""

import json
import time
from datetime import timedelta

import pyrage
import pytest

from clearhouse import handoffs
from clearhouse.access.close import dossier as dossiers
from clearhouse.access.close import operations as closing
from clearhouse.access.close.record import FindingKind
from clearhouse.access.grant import operations as granting
from clearhouse.access.grant.record import Selector
from clearhouse.access.refusal import NotThereError, Refused
from clearhouse.access.serve import export as exports
from clearhouse.access.serve import fingerprint
from clearhouse.access.serve import operations as serving
from clearhouse.access.serve.connect import Companion, Keeper, NoRecipientError
from clearhouse.clearing.intake.operations import Arrival
from clearhouse.clearing.intake.record import Draft
from clearhouse.criteria.measure.attest import Attested, Trusted, read_attestation
from clearhouse.kernel.policy import ForbiddenError
from early import MODEL, act, all_clauses, done, granted, opened
from gateway_house import running
from inspect_client import QUESTIONS, with_inspect
from nightly import has_inspect
from scripted_model import served


def messages(words):
    return [{"role": "user", "content": words}]


def with_openai(address, secret):
    """Plain, streamed and with a tool; return the request ids that the client saw."""
    import openai  # here, because it takes seconds

    with openai.OpenAI(base_url=f"{address}/v1", api_key=secret, max_retries=0) as client:
        assert [one.id for one in client.models.list()] == [MODEL]
        call = {"model": MODEL, "max_tokens": 60}
        plain = client.chat.completions.create(messages=messages("say 2"), **call)
        assert plain.choices[0].message.content == "word word"
        events = client.chat.completions.create(messages=messages("say 5"), stream=True, **call)
        text = "".join(event.choices[0].delta.content or "" for event in events if event.choices)
        assert text.split() == ["word"] * 5
        tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
        tooled = client.chat.completions.create(messages=messages("x"), tools=[tool], **call)
        assert tooled.choices[0].message.tool_calls[0].function.name == "add"
        with pytest.raises(openai.PermissionDeniedError, match="exactly the model"):
            client.chat.completions.create(model="quill-2", messages=messages("x"), max_tokens=5)
        with pytest.raises(openai.APIStatusError, match="another model"):
            client.chat.completions.create(messages=messages("lie"), **call)
        with pytest.raises(openai.APIError):
            list(client.chat.completions.create(messages=messages("die 20"), stream=True, **call))
        return [plain._request_id, tooled._request_id]


def with_anthropic(address, secret):
    import anthropic  # as above

    with anthropic.Anthropic(base_url=address, api_key=secret, max_retries=0) as client:
        call = {"model": MODEL, "max_tokens": 60}
        plain = client.messages.create(messages=messages("say 2"), **call)
        assert plain.content[0].text == "word word"
        with client.messages.stream(messages=messages("say 5"), **call) as stream:
            assert stream.get_final_text().split() == ["word"] * 5
        with pytest.raises(anthropic.APIStatusError):
            client.messages.create(messages=messages("lie"), **call)
        return [plain._request_id]


def with_wrong_key(address, wrong):
    import openai

    with (
        openai.OpenAI(base_url=f"{address}/v1", api_key=wrong, max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()


def evidence(path, ids):
    """A log of another harness, in the neutral format, that names the calls it made."""
    header = {
        "clearhouse_evidence": 1, "run_id": "r1", "created": "2026-11-26T10:00:00+00:00",
        "task": "t", "task_version": "1", "model": MODEL, "scaffold": "s",
    }  # fmt: skip
    lines = [header] + [{"id": f"i{n}", "request_ids": [one]} for n, one in enumerate(ids)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def check_fingerprints(app, early, model):
    """Pin the model, find it the same under other threads, and see the swap."""
    asked = fingerprint.prompts()

    def answered(texts):
        def ask(prompt, most_tokens):
            assert most_tokens == asked.most_tokens
            return texts[prompt]

        return fingerprint.answers(asked, ask)

    reference = {prompt: f"answer to {place}" for place, prompt in enumerate(asked.texts)}
    threads = reference | dict.fromkeys(asked.texts[:3], "another ending")
    swapped = dict.fromkeys(asked.texts, "of another model")

    def note(texts, moment):
        return act(
            app, early.people.lab, serving.note_fingerprint, early.id, asked, answered(texts),
            moment=moment,
        )  # fmt: skip

    assert isinstance(note(reference, "start"), Refused), "nothing to compare with"
    assert note(reference, "reference").verdict == "REFERENCE"
    assert isinstance(note(reference, "reference"), Refused), "a reference is pinned once"
    assert (note(reference, "start").verdict, note(threads, "random").verdict) == ("MATCH", "MATCH")
    assert act(app, early.people.lab, serving.invalid_from, early.id) is None
    return lambda: note(swapped, "end")


def test_a_window_runs_from_the_offer_to_matching_dossiers(app, tmp_path):
    early = opened(app)
    people = early.people
    eva, ed = granted(early, people.evaluator), granted(early, people.second)
    hana = granted(early, people.hospital, by=people.isac)
    identity_, folder = pyrage.x25519.Identity.generate(), tmp_path / "kept"
    with pytest.raises(NoRecipientError):
        Keeper.of(folder, "age1nonsense")
    keeper = Keeper.of(folder, str(identity_.to_public()))
    with running(app, tmp_path) as house:
        swap = check_fingerprints(app, early, house.model)
        first = Companion(house.address, eva.key, "evaluation", keeper)
        second = Companion(house.address, ed.key)
        with (
            served(first, lifespan="on") as one,
            served(second, lifespan="on") as two,
        ):
            ids = with_openai(one, first.secret)
            claude_ids = with_anthropic(two, second.secret)
            for wrong in ("chl_guess", second.secret):
                with_wrong_key(one, wrong)
        if has_inspect:
            third = Companion(house.address, hana.key)
            with served(third, lifespan="on") as three:
                with_inspect(three, third.secret, MODEL, tmp_path / "logs")
        hospital = house.client(hana)
        assert hospital.chat("say 3").status_code == 200
        done(
            app, people.government, granting.kill, early.id,
            Selector(parties=(people.second.party_id,)), because="order", dry_run=False,
        )  # fmt: skip
        house.settled()
        chains = act(app, people.lab, serving.chains, early.id)
        closed = done(app, people.lab, closing.close, early.id, because="released")
        assert closed.closed_at is not None
        deadline = time.monotonic() + 5
        while house.gateway.live.grants():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert hospital.chat().status_code == 403
        house.settled()
    kept_words(folder, identity_, chains)
    logs_join(app, early, chains, tmp_path, eva, ids)
    if has_inspect:
        (log,) = (tmp_path / "logs").glob("*.eval")
        joined = handoffs.join_log(log, chains)
        assert (joined.matched, joined.extra, joined.twice) == (len(QUESTIONS), (), ())
        assert len(joined.dropped) == 1, "the call that the hospital made by hand"
    assert claude_ids[0].startswith(ed.grant.grant_id)
    findings_go_where_the_terms_say(app, early, eva)
    swap_ends_evidence(app, early, swap)
    dossiers_match(app, early, eva, tmp_path)


def kept_words(folder, identity_, chains):
    """What the holder kept is sealed, and its hashes are those of the receipts."""
    files = sorted(folder.iterdir())
    assert len(files) >= 3
    hashes = {json.loads(body).get("request") for bodies in chains.values() for body in bodies}
    found = 0
    for file in files:
        assert b"say" not in file.read_bytes()
        words = json.loads(pyrage.decrypt(file.read_bytes(), [identity_]))
        found += words["request_sha256"] in hashes
    assert found >= 3
    assert "say 2" not in json.dumps(chains)


def logs_join(app, early, chains, tmp_path, eva, ids):
    """A log that names every served call is complete; one with a call less or more is not."""
    mine = chains[eva.grant.grant_id]
    served_ids = [
        f"{eva.grant.grant_id}:{entry['sequence']}"
        for entry in map(json.loads, mine)
        if entry["kind"] == "closed" and entry["outcome"] == "served"
    ]
    assert set(ids) <= set(served_ids)
    log = evidence(tmp_path / "whole.jsonl", served_ids)
    assert handoffs.join_log(log, chains).complete
    dropped = handoffs.join_log(evidence(tmp_path / "less.jsonl", served_ids[1:]), chains)
    assert (dropped.dropped, dropped.complete) == ((served_ids[0],), False)
    elsewhere = [*served_ids, "elsewhere:1", served_ids[-1]]
    more = handoffs.join_log(evidence(tmp_path / "more.jsonl", elsewhere), chains)
    assert (more.extra, more.twice) == (("elsewhere:1",), (served_ids[-1],))
    key = app.desk.keys.signing_key()
    signed = handoffs.attest_receipts(log, chains, key)
    trusted = [Trusted(key.public_key(), frozenset({Attested.RECEIPTS}))]
    word = read_attestation(signed, trusted)
    assert sorted(word.facts["requests"]) == sorted(served_ids)


def findings_go_where_the_terms_say(app, early, eva):
    """Flaws of others to intake, flaws of the safeguards to the lab and to nobody else."""
    people = early.people
    with app.desk.database.transaction(None) as transaction:
        transaction.execute("UPDATE actor SET roles = roles || '{reporter}'::text[]")
    from clearhouse.kernel import identity

    with app.desk.database.transaction(people.evaluator.actor_id) as transaction:
        finder = identity.actor(transaction, people.evaluator.actor_id)
    draft = Draft(title="Overflow", description="A length is trusted.", purl="pkg:pypi/x")
    arrival = Arrival(original=b"x", format="test", drafts=(draft,))
    routed = handoffs.take_in_early_finding(app, finder, eva.grant.grant_id, arrival)
    assert routed.kind is FindingKind.VULNERABILITY
    assert routed.receipt.startswith("SUB-")
    jailbreak = done(
        app, people.evaluator, closing.route_safeguards, eva.grant.grant_id, "it told me the key"
    )
    assert jailbreak.receipt is None
    assert isinstance(
        act(app, people.evaluator, closing.route_safeguards, eva.grant.grant_id, " "), Refused
    )
    told = act(app, people.lab, closing.safeguards, early.id)
    assert told == ((eva.grant.grant_id, "it told me the key"),)
    assert act(app, people.government, closing.safeguards, early.id) == ()
    with pytest.raises(NotThereError):
        act(app, people.second, closing.route_safeguards, eva.grant.grant_id, "x")
    with pytest.raises(ForbiddenError):
        act(app, people.lab, closing.route_safeguards, eva.grant.grant_id, "x")


def swap_ends_evidence(app, early, swap):
    assert isinstance(act(app, early.people.lab, closing.seal, early.id), Refused)
    last = swap()
    assert last.verdict == "SWAP"
    since = act(app, early.people.government, serving.invalid_from, early.id)
    assert since is not None
    assert since < last.at


def dossiers_match(app, early, eva, tmp_path):
    people, clock = early.people, app.desk.database.clock
    certified = {"destroyed": ("prompts", "outputs"), "method": "keys shredded"}
    for actor in (people.evaluator, people.isac):
        one = early.admissions["Eva One" if actor is people.evaluator else "Hana Hospital"]
        done(app, actor, closing.certify, one.admission_id, **certified)
    again = act(app, people.evaluator, closing.certify,
                early.admissions["Eva One"].admission_id, **certified)  # fmt: skip
    assert again.code == "certified"
    try:
        app.desk.database.clock = lambda: clock() + timedelta(seconds=6)
        closing.close_due(app.desk)
    finally:
        app.desk.database.clock = clock
    both = [act(app, side, dossiers.dossier, early.id) for side in (people.lab, people.government)]
    lab, government = both
    assert lab["root"]
    for part in ("window", "terms", "admissions", "holders", "chains", "root", "fingerprints",
                 "certificates", "evidence_ends"):  # fmt: skip
        assert lab[part] == government[part], part
    mine = act(app, people.evaluator, dossiers.dossier, early.id)
    assert mine["root"] == lab["root"]
    assert [one["chain"] for one in mine["chains"]] == [eva.grant.grant_id]
    assert [one["name"] for one in mine["holders"]] == ["Eva One"]
    holder = next(one for one in lab["holders"] if one["name"] == "Eva One")
    assert mine["holders"][0] == holder
    assert holder["terms_accepted_by"] == people.evaluator.actor_id
    for one in (lab, government, mine):
        assert dossiers.faults(json.loads(json.dumps(one))) == ()
    changed = json.loads(json.dumps(mine))
    changed["chains"][0]["entries"] += 1
    assert len(dossiers.faults(changed)) == 2
    exports_agree(app, early)
    assert all_clauses() == {one["id"]: one["sha256"] for one in lab["terms"]["clauses"]}


def exports_agree(app, early):
    """Both sides hold the same chains; a changed line is found by anybody."""
    lines = {
        actor.name: list(exports.export(early.id, act(app, actor, serving.chains, early.id)))
        for actor in (early.people.lab, early.people.government, early.people.evaluator)
    }
    lab, government, eva = (exports.verify(one) for one in lines.values())
    assert lab.holds
    assert lab.root == government.root
    assert exports.disagreements(lab, eva) == ()
    tampered = [lines["Eva One"][0], *lines["Eva One"][2:]]
    report = exports.verify(tampered)
    assert not report.holds
    assert exports.disagreements(report, lab)
    for wrong in ([], ["{}"], ["no"], [lines["Eva One"][0], "no"], [lines["Eva One"][0], "{}"]):
        with pytest.raises(exports.NoExportError):
            exports.verify(wrong)
