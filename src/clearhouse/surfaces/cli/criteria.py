"""`clearhouse criteria`: define, look at evidence, determine, sign, check."""

import json
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter

from clearhouse.criteria.define import profiles
from clearhouse.criteria.define.record import Criterion, CriterionError
from clearhouse.criteria.define.sealing import Opening, commitment, opened, read_openings
from clearhouse.criteria.determine import operations as determinations
from clearhouse.criteria.determine.operations import NoSuchDeterminationError, NotPossibleError
from clearhouse.criteria.determine.record import Determination, Subject
from clearhouse.criteria.determine.rules import Brought, determine
from clearhouse.criteria.determine.simulate import Curve, NotSimulatedError, simulate
from clearhouse.criteria.determine.statement import verify as verify_statement
from clearhouse.criteria.measure.attest import AttestationError, read_attestation
from clearhouse.criteria.measure.operations import NoSuchEvidenceError
from clearhouse.criteria.measure.reading import read_evidence
from clearhouse.criteria.measure.record import EvidenceError
from clearhouse.formats.dsse import UntrustedEnvelopeError
from clearhouse.kernel.services import App
from clearhouse.surfaces.cli.criteria_evidence import evidence as evidence_commands
from clearhouse.surfaces.cli.criteria_evidence import trust
from clearhouse.surfaces.cli.criteria_input import (
    FILE,
    acting,
    document_of,
    facts_of,
    public_key,
    trusted_of,
)
from clearhouse.surfaces.cli.criteria_run import demo, measure
from clearhouse.surfaces.cli.criteria_tasks import from_case, listed, use
from clearhouse.surfaces.cli.criteria_words import criterion_words, determination_words
from clearhouse.surfaces.cli.main import EXIT_NO, EXIT_REFUSED, Connect, emit, json_option
from clearhouse.surfaces.web.pictures.determination import CurveLine, curve_picture

_CURVES: TypeAdapter[tuple[Curve, ...]] = TypeAdapter(tuple[Curve, ...])
_DETERMINATION = TypeAdapter(Determination)
_REFUSALS = (CriterionError, EvidenceError, AttestationError, NotSimulatedError)
_NOT_HERE = (
    NoSuchDeterminationError,
    NoSuchEvidenceError,
    NotPossibleError,
    UntrustedEnvelopeError,
)


class _Group(click.Group):
    """Turns refusals into one line and a documented exit code."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        try:
            return super().invoke(ctx)
        except _REFUSALS as error:
            click.echo(f"clearhouse: {error}", err=True)
            sys.exit(EXIT_REFUSED)
        except _NOT_HERE as error:
            click.echo(f"clearhouse: {error}", err=True)
            sys.exit(EXIT_NO)


@click.group("criteria", cls=_Group)
def command() -> None:
    """Say which models count as powerful, from criteria and evidence."""


for one in (evidence_commands, trust, demo, measure, from_case, listed, use):
    command.add_command(one)


@command.command("profiles")
@json_option
def list_profiles(*, as_json: bool) -> None:
    """List the criteria that came with the house."""
    found = [profiles.load_profile(name) for name in profiles.names()]
    rows = [
        {"profile": f"{one.id}-{one.version}", "title": one.title, "kind": one.kind}
        for one in found
    ]
    emit(
        {"profiles": rows},
        as_json=as_json,
        text="\n".join(f"{row['profile']:24} {row['title']}" for row in rows),
    )


@command.command("show")
@click.argument("profile")
@json_option
def show(profile: str, *, as_json: bool) -> None:
    """Show PROFILE, by name or as a .yaml file; a wrong file is refused, with every mistake."""
    criterion = profiles.load_profile(profile)
    document = {
        "criterion": criterion.name,
        "sha256": criterion.sha256,
        "title": criterion.title,
        "kind": criterion.kind,
        "metrics": [one.id for one in criterion.metrics],
        "facts": [one.fact for one in criterion.facts],
        "sealed": sorted(criterion.sealed),
        "waived": dict(criterion.waived),
    }
    emit(document, as_json=as_json, text=criterion_words(criterion))


@command.command("define")
@click.argument("file", type=FILE)
@click.option("--sign", "into", type=click.Path(path_type=Path, dir_okay=False),
              help="Write the criterion as a signed envelope.")  # fmt: skip
@json_option
@click.pass_obj
def define(connect: Connect, file: Path, into: Path | None, *, as_json: bool) -> None:
    """Check the criterion in FILE, and sign it."""
    criterion = profiles.load_profile(str(file))
    if into is not None:
        key = connect().desk.keys.signing_key()
        into.write_text(json.dumps(profiles.sign_profile(file, [key])))
    document = {"criterion": criterion.name, "sha256": criterion.sha256, "signed": into is not None}
    emit(document, as_json=as_json, text=f"{criterion.name} is whole; sha256 {criterion.sha256}")


@command.command("seal")
@click.argument("field")
@click.argument("value", type=float)
@json_option
def seal(field: str, value: float, *, as_json: bool) -> None:
    """Commit to VALUE for FIELD (such as exploit.above); keep what is printed as the opening."""
    opening = Opening(value=value, blinding=secrets.token_hex(32))
    sealed = commitment(field, opening)
    document = {
        "sealed": sealed,
        "opening": {field: {"value": value, "blinding": opening.blinding}},
    }
    text = f"publish: sealed: {sealed}\nkeep:    {json.dumps(document['opening'])}"
    emit(document, as_json=as_json, text=text)


@command.command("simulate")
@click.argument("profile")
@click.option("--likeness", type=click.FloatRange(0, 0.99), default=0.3, show_default=True,
              help="Correlation of attempts at one item.")  # fmt: skip
@click.option("--openings", type=FILE, help="Opens sealed thresholds.")
@click.option("--svg", type=click.Path(path_type=Path, file_okay=False),
              help="Folder for a picture of each curve.")  # fmt: skip
@json_option
def simulate_command(
    profile: str, likeness: float, openings: Path | None, svg: Path | None, *, as_json: bool
) -> None:
    """Say how often PROFILE would decide COVERED, against the true rate."""
    curves = simulate(_open(profiles.load_profile(profile), openings), likeness=likeness)
    if svg is not None:
        svg.mkdir(parents=True, exist_ok=True)
        for curve in curves:
            (svg / f"{curve.metric}.svg").write_text(_standalone(curve), "utf-8")
    lines = []
    for curve in curves:
        plan = f"{curve.items} items, {curve.attempts} attempts each, {curve.how}"
        lines += [
            f"{curve.metric}: threshold {curve.threshold:g}, {plan}",
            "  true rate   covered   below",
        ]
        lines += [
            f"  {point.rate:9.3f}   {point.covered:7.1%}   {point.not_covered:5.1%}"
            for point in curve.points
        ]
    document = {"curves": _CURVES.dump_python(curves, mode="json")}
    emit(document, as_json=as_json, text="\n".join(lines))


@command.command("determine")
@click.argument("profile")
@click.argument("logs", nargs=-1, type=FILE)
@click.option("--model", help="The model that is judged; by default that of the logs.")
@click.option("--checkpoint", default="unnamed", show_default=True, help="Names the weights.")
@click.option("--fact", "facts", multiple=True, metavar="NAME=VALUE", help="A declared fact.")
@click.option("--attestation", "attestations", multiple=True, type=FILE)
@click.option("--trust", "trust_file", type=FILE,
              help="YAML list of {key: base64, kinds: [...]} that are believed.")  # fmt: skip
@click.option("--openings", type=FILE, help="Opens sealed thresholds.")
@json_option
def determine_command(
    profile: str,
    logs: tuple[Path, ...],
    model: str | None,
    checkpoint: str,
    facts: tuple[str, ...],
    attestations: tuple[Path, ...],
    trust_file: Path | None,
    openings: Path | None,
    *,
    as_json: bool,
) -> None:
    """Decide PROFILE from LOGS here and now, without keeping or signing anything."""
    criterion = profiles.load_profile(profile)
    found = [read_evidence(path) for path in logs]
    trusted = trusted_of(trust_file)
    brought = Brought(
        subject=Subject(
            model=model or (found[0].model if found else "unnamed"), checkpoint=checkpoint
        ),
        logs=determinations.by_benchmark(criterion, found),
        facts=facts_of(facts),
        attestations=tuple(read_attestation(document_of(one), trusted) for one in attestations),
    )
    sealed = {field: one.sha256 for field, one in criterion.sealed.items()}
    decided = determine(_open(criterion, openings), brought, datetime.now(UTC), sealed=sealed)
    document = _DETERMINATION.dump_python(decided, mode="json")
    emit(document, as_json=as_json, text=determination_words(decided))


@command.command("propose")
@click.argument("profile")
@click.argument("evidence", nargs=-1)
@click.option("--model", required=True, help="The model that is judged.")
@click.option("--checkpoint", required=True, help="Names the weights.")
@click.option("--fact", "facts", multiple=True, metavar="NAME=VALUE", help="A declared fact.")
@click.option("--openings", type=FILE, help="Opens sealed thresholds; kept sealed.")
@json_option
@click.pass_obj
def propose(
    connect: Connect,
    profile: str,
    evidence: tuple[str, ...],
    model: str,
    checkpoint: str,
    facts: tuple[str, ...],
    openings: Path | None,
    *,
    as_json: bool,
) -> None:
    """Decide PROFILE from kept EVIDENCE (ids) and sign as the first person."""
    app, criterion = connect(), profiles.load_profile(profile)
    me = acting(app)
    with app.desk.database.transaction(me.actor_id) as transaction:
        if openings is not None:
            determinations.keep_openings(
                app.desk, transaction, me, criterion, read_openings(openings.read_text("utf-8"))
            )
        made = determinations.propose(
            app.desk, transaction, me, criterion,
            subject=Subject(model=model, checkpoint=checkpoint),
            evidence_ids=evidence, facts=facts_of(facts),
        )  # fmt: skip
    _print_file(app, made, as_json=as_json)


@command.command("countersign")
@click.argument("determination")
@json_option
@click.pass_obj
def countersign(connect: Connect, determination: str, *, as_json: bool) -> None:
    """Sign DETERMINATION as the second person, whose token is in CLEARHOUSE_TOKEN."""
    _act(connect, determinations.countersign, determination, as_json=as_json)


@command.command("release")
@click.argument("determination")
@json_option
@click.pass_obj
def release(connect: Connect, determination: str, *, as_json: bool) -> None:
    """Make the releasable part of DETERMINATION public."""
    _act(connect, determinations.release, determination, as_json=as_json)


@command.command("withdraw")
@click.argument("determination")
@json_option
@click.pass_obj
def withdraw(connect: Connect, determination: str, *, as_json: bool) -> None:
    """Take DETERMINATION back; the record stays."""
    _act(connect, determinations.withdraw, determination, as_json=as_json)


@command.command("appeal")
@click.argument("determination")
@click.argument("words")
@json_option
@click.pass_obj
def appeal(connect: Connect, determination: str, words: str, *, as_json: bool) -> None:
    """Write an objection beside DETERMINATION."""
    app = connect()
    me = acting(app)
    with app.desk.database.transaction(me.actor_id) as transaction:
        determinations.appeal(app.desk, transaction, me, determination, words)
    _print_file(app, determination, as_json=as_json)


@command.command("read")
@click.argument("determination")
@json_option
@click.pass_obj
def read(connect: Connect, determination: str, *, as_json: bool) -> None:
    """Show DETERMINATION (det_…), whole."""
    _print_file(connect(), determination, as_json=as_json)


@command.command("verify")
@click.argument("file", type=FILE)
@click.option("--key", "keys", multiple=True, required=True,
              help="Public key of a signer, base64; give both.")  # fmt: skip
@json_option
def verify(file: Path, keys: tuple[str, ...], *, as_json: bool) -> None:
    """Check that two of the keys signed the determination in FILE, and print it."""
    checked = verify_statement(document_of(file), [public_key(key) for key in keys])
    document = {
        "holds": True,
        "determination": dict(checked.predicate),
        "subjects": dict(checked.subjects),
        "signed_by": list(checked.key_ids),
    }
    text = f"{checked.predicate['outcome']}: two persons signed it"
    emit(document, as_json=as_json, text=text)


def _act(connect: Connect, verb: Any, determination: str, *, as_json: bool) -> None:  # noqa: ANN401 - one of the operations above
    app = connect()
    me = acting(app)
    with app.desk.database.transaction(me.actor_id) as transaction:
        verb(app.desk, transaction, me, determination)
    _print_file(app, determination, as_json=as_json)


def _print_file(app: App, determination_id: str, *, as_json: bool) -> None:
    with app.desk.database.transaction(acting(app).actor_id) as transaction:
        found = determinations.determination_file(app.desk, transaction, determination_id)
    document = {
        "determination": determination_id,
        "state": found.state,
        "expired": found.expired,
        "superseded_by": found.superseded_by,
        "content": _DETERMINATION.dump_python(found.determination, mode="json"),
        "envelope": dict(found.envelope),
        "appeals": [one.words for one in found.appeals],
    }
    state = f"{found.state}{', expired' if found.expired else ''}"
    text = f"{determination_id}  {state}\n{determination_words(found.determination)}"
    emit(document, as_json=as_json, text=text)


def _open(criterion: Criterion, openings: Path | None) -> Criterion:
    return opened(criterion, read_openings(openings.read_text("utf-8")) if openings else {})


def _standalone(curve: Curve) -> str:
    picture = curve_picture(
        CurveLine(
            label=curve.metric,
            threshold=curve.threshold,
            points=[(one.rate, one.covered, one.not_covered) for one in curve.points],
        )
    )
    look = (
        "<style>text{font:13px sans-serif;fill:#333}.axis{stroke:#888}.threshold{stroke:#b3261e}"
        "path{fill:none;stroke-width:2}.covered{stroke:#1a5fb4}.not-covered{stroke:#777;"
        "stroke-dasharray:5 4}</style>"
    )
    opened_tag = str(picture).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return opened_tag.replace("<title>", f"{look}<title>", 1)
