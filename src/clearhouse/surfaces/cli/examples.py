"""Takes the example flood in as its reporters would, and answers as its vendors would.

The persons in `examples/` are invented; the flaws are real and long fixed. See
`examples/README.md` for the shape of the folder.
"""

import json
from functools import cache
from pathlib import Path

from clearhouse.clearing.intake.receive import Accepted, Incoming, Refused, receive
from clearhouse.kernel import identity
from clearhouse.kernel.identity import Actor, ActorKind, PartyKind
from clearhouse.kernel.services import App


def report_files(folder: Path) -> list[Path]:
    """Return the report files in the order of their names."""
    return sorted(path for path in (folder / "reports").iterdir() if path.is_file())


def take_in(app: App, folder: Path, file: Path) -> Accepted | Refused:
    """Hand one report in as the finder that `truth.json` names."""
    finder = _finders(folder).get(file.name, "somebody")
    return receive(app.counter, _reporter(app, finder), Incoming.file(file.name, file.read_bytes()))


@cache
def _finders(folder: Path) -> dict[str, str]:
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    return {Path(entry["file"]).name: entry["finder"] for entry in truth["reports"]}


def _reporter(app: App, finder: str) -> Actor:
    with app.desk.database.transaction(None) as transaction:
        party_id = identity.add_party(transaction, PartyKind.FINDER, finder)
        actor_id = identity.add_actor(
            transaction, party_id, ActorKind.PERSON, finder, roles=["reporter"]
        )
        actor = identity.actor(transaction, actor_id)
    if actor is None:
        raise PermissionError(f"{finder} was revoked")
    return actor
