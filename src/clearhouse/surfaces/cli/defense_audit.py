"""`clearhouse defense audit`, `office` and `sign`: what labels are worth, and a pack."""

import base64
from pathlib import Path

import click
from pydantic import TypeAdapter

from clearhouse.defense.scenario.audit import audit as audit_pack
from clearhouse.defense.scenario.grade import Audit
from clearhouse.defense.scenario.office.build import office as make_office
from clearhouse.defense.scenario.pack import read_pack, sign_pack, signed_by
from clearhouse.surfaces.cli.criteria_input import public_key
from clearhouse.surfaces.cli.main import Connect, emit, json_option

PACK = click.Path(path_type=Path, exists=True, file_okay=False)
_AUDIT = TypeAdapter(Audit)


@click.command("audit")
@click.argument("pack", type=PACK)
@click.option("--key", "keys", multiple=True, metavar="BASE64",
              help="Public key that must have signed the pack; any of several.")  # fmt: skip
@json_option
def audit(pack: Path, keys: tuple[str, ...], *, as_json: bool) -> None:
    """Audit the labels of PACK; with --key, only when one of the keys signed it."""
    read = read_pack(pack)
    signers = signed_by(read, [public_key(one) for one in keys]) if keys else ()
    found = audit_pack(read)
    said = _AUDIT.dump_python(found, mode="json") | {"signed_by": list(signers)}
    words = [audit_words(found), *(f"signed by {one}" for one in signers)]
    emit(said, as_json=as_json, text="\n".join(words))


@click.command("sign")
@click.argument("pack", type=PACK)
@json_option
@click.pass_obj
def sign(connect: Connect, pack: Path, *, as_json: bool) -> None:
    """Sign PACK with this installation's key; whoever has the public half can check it."""
    read, key = read_pack(pack), connect().desk.keys.signing_key()
    sign_pack(read, key)
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    said = {"pack": read.name, "sha256": read.sha256, "key": public}
    emit(said, as_json=as_json, text=f"{read.name} is signed; the key is {public}")


def audit_words(found: Audit) -> str:
    """Return an audit in words."""
    claims = ", ".join(found.claims) or "nothing"
    lines = [
        f"{found.pack}: grade {found.grade}, {found.attacks} attacks, {found.events} events",
        f"may claim: {claims}",
    ]
    lines += [f"  {one.grade}  {one.name:18} {one.words}" for one in found.checks]
    return "\n".join(lines)


@click.command("office")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--pace", type=click.FloatRange(0.05, 100), default=1.0, show_default=True,
              help="How much ordinary work, against a small clinic's.")  # fmt: skip
@json_option
def office(folder: Path, seed: int, pace: float, *, as_json: bool) -> None:
    """Make the small office in FOLDER."""
    made = make_office(folder, seed=seed, pace=pace)
    document = {"pack": made.name, "sha256": made.sha256, "folder": str(folder)}
    emit(document, as_json=as_json, text=f"{made.name} in {folder}; sha256 {made.sha256}")
