"""Every crossing between two systems, and nothing else.

- What an early user finds goes to intake, as found with confidential tooling.
- An evaluation log and the gateway's receipts are joined, and the endpoint's word is signed for
  criteria's gate `receipts-complete`.
- A closed, published case with a bundle becomes a private evaluation task, and an answer to such a
  task is scored by the room that reproduces bundles.
- A detection rule of a case is tried on its own sample: Sigma by defense's engine, in a process of
  its own; YARA by YARA-X where it is installed; Suricata by Suricata where it is.
"""

import importlib
import json
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.access.close import operations as closing
from clearhouse.access.close.record import RoutedFinding
from clearhouse.access.serve.join import Join, join, served_calls
from clearhouse.clearing.coordinate import casework
from clearhouse.clearing.intake.operations import Arrival, load, take_in
from clearhouse.clearing.intake.record import Draft, Tooling
from clearhouse.clearing.publish import detections
from clearhouse.clearing.publish.detections import Fires, Kind, Leak, Seen
from clearhouse.clearing.validate.attached import bundle_files
from clearhouse.clearing.validate.record import VerdictKind
from clearhouse.clearing.validate.reproduce.bundle import Bundle, BundleError, read_files
from clearhouse.clearing.validate.reproduce.packages import PackageCache
from clearhouse.clearing.validate.reproduce.reproduce import reproduce
from clearhouse.criteria.evaluate import private
from clearhouse.criteria.evaluate.private import Content, PrivateTask
from clearhouse.criteria.measure.attest import Attested, attest
from clearhouse.criteria.measure.reading import read_evidence
from clearhouse.formats.canonical import Json
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.services import App, Desk
from clearhouse.kernel.store.database import Transaction

_MANIFEST = "bundle.yaml"
_QUESTION = """\
The package {target} has a security flaw{weakness} that is fixed in {fixed}. Write the files
{files}, so that `{command}` shows the flaw on {target} and stays silent on {fixed}.
What must be observed: {observed}."""


def take_in_early_finding(app: App, actor: Actor, grant_id: str, arrival: Arrival) -> RoutedFinding:
    """Take in what was found under a grant, and note in its window that it went to intake.

    Raises: NotThereError, ForbiddenError; what `intake.take_in` raises.
    """
    with app.desk.database.transaction(actor.actor_id) as transaction:
        closing.my_grant(app.desk, transaction, actor, grant_id)
    drafts = tuple(_confidential(one) for one in arrival.drafts)
    receipt = take_in(app.counter, actor, replace(arrival, drafts=drafts))
    with app.desk.database.transaction(actor.actor_id) as transaction:
        return closing.route_vulnerability(app.desk, transaction, actor, grant_id, str(receipt))


def join_log(
    log: Path, chains: Mapping[str, Sequence[str]], *, invalid_from: str | None = None
) -> Join:
    """Join an evaluation log with the receipts of a window.

    Raises: EvidenceError of criteria when the log cannot be read.
    """
    calls = [one for sample in read_evidence(log).samples for one in sample.request_ids]
    return join(chains, calls, invalid_from=invalid_from)


def attest_receipts(
    log: Path, chains: Mapping[str, Sequence[str]], key: Ed25519PrivateKey
) -> dict[str, Json]:
    """Sign, as the endpoint, the ids of all calls that were served under the log's grants.

    Raises: EvidenceError of criteria when the log cannot be read.
    """
    evidence = read_evidence(log)
    used = {one.rpartition(":")[0] for sample in evidence.samples for one in sample.request_ids}
    served = served_calls({name: chains[name] for name in sorted(used & chains.keys())})
    return attest(Attested.RECEIPTS, [evidence], {"requests": sorted(served)}, [key])


def _confidential(draft: Draft) -> Draft:
    provenance = draft.provenance
    if provenance.confidentiality is not None:
        return draft
    return replace(draft, provenance=replace(provenance, confidentiality=Tooling.CONFIDENTIAL))


class NoTaskInCaseError(ValueError):
    """No task can be made of this case; the message says why."""


def task_from_case(desk: Desk, transaction: Transaction, actor: Actor, case_id: str) -> PrivateTask:
    """Make a private task of a closed case that the actor is read in to.

    Raises: NoSuchCaseError, ForbiddenError; NoTaskInCaseError when the case is not published or
    holds no bundle that can be used; TaskExistsError.
    """
    found = casework.case_file(desk, transaction, actor, case_id).case
    if found.published_at is None:
        raise NoTaskInCaseError("the case is not published yet; tasks are made of closed cases")
    files, bundle = _bundle_of(desk, transaction, case_id)
    return private.make(
        desk,
        transaction,
        actor,
        Content(
            case_id=case_id,
            question=_question(bundle),
            canary=f"CLEARHOUSE-EVALUATION-CANARY {secrets.token_hex(16)}",
            files=files,
        ),
    )


def score_private_task(
    content: Content, answer: Mapping[str, bytes], cache: PackageCache, *, now: datetime
) -> tuple[bool, str]:
    """Run an answer's files in the place of the case's own proof; right when they reproduce.

    Raises: SandboxUnavailableError. An answer that cannot be used is wrong, with the reason.
    """
    manifest = content.files[_MANIFEST]
    try:
        bundle = read_files({**answer, _MANIFEST: manifest})
        verdict = reproduce(bundle, cache, now=now)
    except BundleError as error:
        return False, str(error)
    return verdict.kind is VerdictKind.REPRODUCED, verdict.reason


def _bundle_of(
    desk: Desk, transaction: Transaction, case_id: str
) -> tuple[dict[str, bytes], Bundle]:
    reasons = []
    reports = load(desk, transaction, casework.reports_of(transaction, case_id), files=True)
    for report in reports:
        try:
            files = bundle_files(report.content.attachments)
            if files is not None:
                return files, _usable(files)
        except BundleError as error:
            reasons.append(str(error))
    raise NoTaskInCaseError("; ".join(reasons) or "no report of the case has a bundle attached")


def _usable(files: Mapping[str, bytes]) -> Bundle:
    bundle = read_files(files)
    if bundle.fixed is None or not bundle.files:
        raise BundleError("a task needs a fixed version and the files of a proof")
    return bundle


def _question(bundle: Bundle) -> str:
    oracle = bundle.oracle
    details = (oracle.match, oracle.path, oracle.code)
    detail = next((f" {one}" for one in details if one is not None), "")
    return _QUESTION.format(
        target=bundle.target,
        fixed=f"version {bundle.fixed}",
        weakness=f" of class {bundle.weakness}" if bundle.weakness else "",
        files=", ".join(name for name, _ in bundle.files),
        command=" ".join(bundle.run),
        observed=f"{oracle.kind}{detail}",
    )


def keep_detection(
    desk: Desk,
    actor: Actor,
    case_id: str,
    *,
    kind: Kind,
    leak: Leak,
    expires_on: date,
    content: detections.Content,
) -> tuple[str, Seen]:
    """Try a rule on its sample and keep it with its case; return its id and what was seen.

    Raises: NoSuchCaseError, ForbiddenError, DetectionRefusedError.
    """
    with desk.database.transaction(actor.actor_id) as transaction:  # before a stranger's rule runs
        detections.may_add(desk, transaction, actor, case_id)
    seen = try_detection(kind, content.rule, content.sample, content.sample_name)
    with desk.database.transaction(actor.actor_id) as transaction:
        id_ = detections.add(
            desk,
            transaction,
            actor,
            case_id,
            kind=kind,
            leak=leak,
            expires_on=expires_on,
            content=content,
            seen=seen,
        )
    return id_, seen


_TRY_S = 60
_SIGMA = "clearhouse.defense.enroll.sigma.fires"


def try_detection(kind: Kind, rule: str, sample: bytes, sample_name: str) -> Seen:
    """Say whether a rule fires on its own sample, as far as that can be seen on this machine."""
    ending = re.search(r"(\.[a-z0-9]{1,8}){1,2}$", sample_name.lower())
    with tempfile.TemporaryDirectory() as folder:
        rules, events = (
            Path(folder) / "rule.yml",
            Path(folder) / f"sample{ending[0] if ending else ''}",
        )
        rules.write_text(rule, "utf-8")
        events.write_bytes(sample)
        if kind is Kind.SIGMA:
            return _try_sigma(rules, events)
        return _try_yara(rule, sample) if kind is Kind.YARA else _try_suricata(rules, events)


def _try_sigma(rules: Path, events: Path) -> Seen:
    command = [sys.executable, "-m", _SIGMA, str(rules), str(events)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TRY_S, check=True)  # noqa: S603 - our own program
        said = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return Seen(fires=Fires.NO, how=f"Sigma, stopped after {_TRY_S} s")
    except (subprocess.CalledProcessError, ValueError):
        return Seen(
            fires=Fires.NOT_RUN, how="the packages of the extra `defense` are not installed"
        )
    if "refused" in said:
        return Seen(fires=Fires.NO, how=f"Sigma refuses the rule: {said['refused']}")
    fires = Fires.YES if said["fires"] else Fires.NO
    return Seen(fires=fires, how=f"Sigma, over {said['of']} events")


def _try_yara(rule: str, sample: bytes) -> Seen:
    try:
        yara = importlib.import_module("yara_x")
    except ImportError:
        return Seen(fires=Fires.NOT_RUN, how="YARA-X is not installed")
    try:
        scanner = yara.Scanner(yara.compile(rule))
        scanner.set_timeout(_TRY_S)
        fires = bool(scanner.scan(sample).matching_rules)
    except (yara.CompileError, yara.TimeoutError, yara.ScanError) as error:
        return Seen(fires=Fires.NO, how=f"YARA-X: {str(error).splitlines()[0][:200]}")
    return Seen(fires=Fires.YES if fires else Fires.NO, how="YARA-X")


def _try_suricata(rules: Path, capture: Path) -> Seen:
    program = shutil.which("suricata")
    if program is None:
        return Seen(
            fires=Fires.NOT_RUN, how="Suricata is not installed; its form alone was checked"
        )
    out = capture.parent
    command = [program, "-r", str(capture), "-S", str(rules), "-l", str(out), "-k", "none"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TRY_S, check=False)  # noqa: S603 - found by name
    except subprocess.TimeoutExpired:
        return Seen(fires=Fires.NO, how=f"Suricata, stopped after {_TRY_S} s")
    alerts = out / "fast.log"
    fires = done.returncode == 0 and alerts.exists() and alerts.stat().st_size > 0
    return Seen(fires=Fires.YES if fires else Fires.NO, how="Suricata")
