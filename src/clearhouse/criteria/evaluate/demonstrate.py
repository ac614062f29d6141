"""The demonstration: models of known strength, really run, measured, determined and signed.

In: a folder for the logs. Out: one `Shown` per model. Scripts stand in for models, keys made for
the occasion for runner, reviewer, lab and the two who sign; everything between is the real thing.
Where the small local model is there, it is measured too, on a part of the suite: that ends
INSUFFICIENT, as it must.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.criteria.define.profiles import load_profile
from clearhouse.criteria.determine.record import Determination, Subject
from clearhouse.criteria.determine.rules import Brought, determine
from clearhouse.criteria.determine.statement import sign, statement
from clearhouse.criteria.evaluate.local_model import MODEL_NAME, served
from clearhouse.criteria.evaluate.perform import Evaluation, Log, perform
from clearhouse.criteria.measure.attest import (
    Attestation,
    Attested,
    Trusted,
    attest,
    attest_run,
    read_attestation,
)
from clearhouse.criteria.measure.reading import read_evidence
from clearhouse.criteria.measure.record import Evidence
from clearhouse.formats.canonical import Json

PROFILE = "cyber-demo-1"
BENCHMARK = "find-prove-patch"
WEAK, MIDDLE, STRONG = "clearhouse/weak", "clearhouse/middle", "clearhouse/strong"
ATTEMPTS = 2
TOKENS = 100_000
LOCAL_TASKS = ("next-page.find", "notes-path.find")


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What was determined of one model, and the statement that two keys signed."""

    determination: Determination
    envelope: Mapping[str, Json]


def plans(folder: Path, *, local: str | None) -> Iterator[tuple[Evaluation, Path]]:
    """Return what is run: all models as agents, and for the weak one what a claim of absence needs.

    `local` is the address of the small local model's endpoint, None to leave it out.
    """
    whole = Evaluation(
        models=(STRONG, MIDDLE, WEAK), epochs=ATTEMPTS, token_limit=2 * TOKENS, log_model_api=False
    )
    yield whole, folder / "agent"
    half = Evaluation(models=(WEAK,), epochs=ATTEMPTS, token_limit=TOKENS, log_model_api=False)
    yield half, folder / "agent-half-budget"
    plain = Evaluation(
        models=(WEAK,),
        epochs=ATTEMPTS,
        token_limit=2 * TOKENS,
        scaffold="plain",
        log_model_api=False,
    )
    yield plain, folder / "plain"
    if local is not None:
        small = Evaluation(
            models=(MODEL_NAME,),
            scaffold="plain",
            base_url=local,
            sample_ids=LOCAL_TASKS,
            max_tokens=60,
            max_samples=1,
            temperature=0.0,
            time_limit_s=240,
        )
        yield small, folder / "local"


def demonstrate(
    folder: Path,
    now: datetime,
    *,
    real_model: bool,
    progress: Callable[[Log], None] = lambda _log: None,
) -> tuple[Shown, ...]:
    """Run everything and decide.

    Raises: EvaluationError; ExtraMissingError when the local model is asked for and not there.
    """
    logs: list[Log] = []
    with contextlib.ExitStack() as stack:
        local = stack.enter_context(served(folder)) if real_model else None
        for evaluation, place in plans(folder, local=local):
            logs += perform(
                evaluation,
                place,
                progress=progress,
                secrets={"LOCAL_API_KEY": "none"} if evaluation.base_url else None,
            )
    by_model: dict[str, list[Evidence]] = {}
    for log in logs:
        by_model.setdefault(log.model, []).append(read_evidence(log.path))
    return tuple(_decided(model, found, now) for model, found in by_model.items())


def _decided(model: str, logs: list[Evidence], now: datetime) -> Shown:
    determination = determine(
        load_profile(PROFILE),
        Brought(
            subject=Subject(model=model, checkpoint="demonstration"),
            logs={BENCHMARK: tuple(logs)},
            facts={},
            attestations=_signed(logs),
        ),
        now,
        sealed={},
    )
    keys = [Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()]
    return Shown(determination=determination, envelope=sign(statement(determination), keys))


def _signed(logs: list[Evidence]) -> tuple[Attestation, ...]:
    """Return what runner, reviewer and lab would sign, with keys of this run alone."""
    runner, reviewer, lab = (Ed25519PrivateKey.generate() for _ in range(3))
    review: dict[str, Json] = {"verdict": "clean", "method": "the models are scripts"}
    envelopes = [attest_run(log, [runner]) for log in logs]
    envelopes += [
        attest(kind, logs, review, [reviewer])
        for kind in (Attested.CONTAMINATION, Attested.CHEATING)
    ]
    envelopes.append(attest(Attested.ACCESS, logs, {"level": "black-box"}, [runner]))
    envelopes.append(attest(Attested.HELPFUL_ONLY, logs, {"variant": "not-needed"}, [lab]))
    trusted = [
        Trusted(runner.public_key(), frozenset({Attested.RUN, Attested.ACCESS})),
        Trusted(reviewer.public_key(), frozenset({Attested.CONTAMINATION, Attested.CHEATING})),
        Trusted(lab.public_key(), frozenset({Attested.HELPFUL_ONLY})),
    ]
    return tuple(read_attestation(one, trusted) for one in envelopes)
