"""`clearhouse criteria evidence` and `trust`: logs, and what is signed about them."""

import json
from pathlib import Path
from typing import Any

import click

from clearhouse.criteria.determine import operations as determinations
from clearhouse.criteria.measure import operations as measure
from clearhouse.criteria.measure.attest import Attested, attest, attest_run
from clearhouse.criteria.measure.reading import read_evidence
from clearhouse.criteria.measure.record import Evidence
from clearhouse.surfaces.cli.criteria_input import (
    FILE,
    acting,
    document_of,
    facts_of,
    public_key,
)
from clearhouse.surfaces.cli.criteria_words import evidence_words
from clearhouse.surfaces.cli.main import Connect, emit, json_option


@click.group("evidence")
def evidence() -> None:
    """Read logs, keep them, sign what you know about them."""


@evidence.command("read")
@click.argument("logs", nargs=-1, required=True, type=FILE)
@json_option
def evidence_read(logs: tuple[Path, ...], *, as_json: bool) -> None:
    """Read LOGS and say what they are and what does not agree in them."""
    found = [read_evidence(path) for path in logs]
    document = {"logs": [_log(one) for one in found]}
    emit(document, as_json=as_json, text="\n".join(evidence_words(one) for one in found))


@evidence.command("add")
@click.argument("logs", nargs=-1, required=True, type=FILE)
@json_option
@click.pass_obj
def evidence_add(connect: Connect, logs: tuple[Path, ...], *, as_json: bool) -> None:
    """Keep LOGS as evidence and print their ids."""
    app = connect()
    found, me = [read_evidence(path) for path in logs], acting(app)
    with app.desk.database.transaction(me.actor_id) as transaction:
        ids = [measure.add_evidence(app.desk, transaction, me, one) for one in found]
    emit({"evidence": ids}, as_json=as_json, text="\n".join(ids))


@evidence.command("list")
@json_option
@click.pass_obj
def evidence_list(connect: Connect, *, as_json: bool) -> None:
    """List the logs that are kept."""
    app = connect()
    with app.desk.database.transaction(acting(app).actor_id) as transaction:
        found = measure.kept(transaction)
    rows = [
        {
            "evidence": one.evidence_id,
            "sha256": one.sha256,
            "added_at": one.added_at.isoformat(),
            "samples": one.samples,
        }
        for one in found
    ]
    text = "\n".join(
        f"{row['evidence']}  {row['samples']:>9,} samples  {row['sha256']}" for row in rows
    )
    emit({"evidence": rows}, as_json=as_json, text=text or "no evidence is kept")


@evidence.command("attest")
@click.argument("kind", type=click.Choice([kind.value for kind in Attested]))
@click.argument("logs", nargs=-1, required=True, type=FILE)
@click.option("--fact", "facts", multiple=True, metavar="NAME=VALUE")
@click.pass_obj
def evidence_attest(
    connect: Connect, kind: str, logs: tuple[Path, ...], facts: tuple[str, ...]
) -> None:
    """Sign a statement of KIND about LOGS with your own key, and print the envelope."""
    app = connect()
    found, keys = (
        [read_evidence(path) for path in logs],
        [determinations.signing_key(app.desk, acting(app))],
    )
    if kind == Attested.RUN:
        if len(found) != 1:
            raise click.UsageError("a run is one log")
        envelope = attest_run(found[0], keys)
    else:
        envelope = attest(Attested(kind), found, facts_of(facts), keys)
    click.echo(json.dumps(envelope))


@evidence.command("believe")
@click.argument("envelope", type=FILE)
@json_option
@click.pass_obj
def evidence_believe(connect: Connect, envelope: Path, *, as_json: bool) -> None:
    """Keep the signed statement in ENVELOPE, if a trusted key signed it."""
    app, document = connect(), document_of(envelope)
    me = acting(app)
    with app.desk.database.transaction(me.actor_id) as transaction:
        found = measure.add_attestation(app.desk, transaction, me, document)
    answer = {"kind": found.kind, "keys": list(found.key_ids), "about": sorted(found.subjects)}
    emit(answer, as_json=as_json, text=f"{found.kind} about {len(found.subjects)} logs is believed")


@click.command("trust")
@click.argument("key")
@click.argument("kinds", nargs=-1, required=True,
                type=click.Choice([kind.value for kind in Attested]))  # fmt: skip
@click.option("--holder", required=True, help="Whose key it is.")
@json_option
@click.pass_obj
def trust(
    connect: Connect, key: str, kinds: tuple[str, ...], holder: str, *, as_json: bool
) -> None:
    """Believe KEY (base64 of its 32 bytes, or `mine`) for KINDS of statements."""
    app = connect()
    me = acting(app)
    public = determinations.person_key(app.desk, me) if key == "mine" else public_key(key)
    with app.desk.database.transaction(me.actor_id) as transaction:
        key_id = measure.trust_key(
            app.desk, transaction, me, public, [Attested(kind) for kind in kinds], holder=holder
        )
    emit({"key": key_id}, as_json=as_json, text=key_id)


def _log(evidence: Evidence) -> dict[str, Any]:
    return {
        "task": evidence.task,
        "task_version": evidence.task_version,
        "model": evidence.model,
        "scaffold": evidence.scaffold,
        "samples": len(evidence.samples),
        "status": evidence.status,
        "sha256": evidence.sha256,
        "dataset_sha256": evidence.dataset_sha256,
        "samples_sha256": evidence.samples_sha256,
        "faults": list(evidence.faults),
    }
