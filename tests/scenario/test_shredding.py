"""After shredding, no copy of a case can be read: not in the store, nor on disk, nor in a backup."""

import json
import shutil
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from casebook import DRAFT, acting, cleared, move, opened, read, set_clock
from clearhouse.app import Settings, build, restore
from clearhouse.clearing import route
from clearhouse.clearing.coordinate import casework, shredding
from clearhouse.clearing.coordinate.casework import NoSuchCaseError
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.publish import operations as publish
from clearhouse.kernel import backup, rotation, vault
from clearhouse.kernel.backup import BackupError
from clearhouse.kernel.keys import KeyFileError, KeyFolder, Keys
from clearhouse.kernel.policy import ForbiddenError
from clearhouse.kernel.store.embedded import StoreUnavailableError
from clearhouse.surfaces.cli.main import Connect, cli
from house import coordinator, outsider
from scenario.leaks_scene import MONDAY

KEPT = Draft(title="Kept", description="stays", purl="pkg:npm/kept")
SECRETS = (b"SECRET-TITLE", b"SECRET-DESCRIPTION")


@pytest.fixture
def house(app, installation, tmp_path):
    """A case that was published, another one beside it, and a folder of keys of the test's own."""
    home = tmp_path / "home"
    shutil.copytree(installation[0] / "keys", home / "keys")
    shutil.copy(installation[0] / "roles.json", home / "roles.json")
    for extra in installation[0].glob("role-*.json"):
        shutil.copy(extra, home)
    set_clock(app, MONDAY)
    case = opened(app)
    move(app, days=60)
    return app, case.id, home


def owner_url_of(app, installation):
    name = conninfo_to_dict(app.desk.database.url)["dbname"]
    return make_conninfo(installation[1].url(), dbname=name)


@contextmanager
def empty_database(installation, name):
    with psycopg.connect(installation[1].url(), dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield make_conninfo(installation[1].url(), dbname=name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def shred(app, case_id, who=None, because="kept for two years"):
    who = who or coordinator(app)
    with acting(app, who) as transaction:
        return shredding.shred(app.desk, transaction, who, case_id, because=because)


def everything(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def wrapped_keys(url):
    with psycopg.connect(url, options="-c search_path=clearhouse") as connection:
        return dict(
            connection.execute(
                "SELECT compartment, wrapped FROM data_key WHERE wrapped IS NOT NULL"
            ).fetchall()
        )


def test_a_shredded_case_is_gone_for_everybody_and_every_list_goes_on(house):
    app, case_id, _ = house
    assert read(app, case_id).findings
    assert len(shred(app, case_id)) >= 3
    cora = coordinator(app)
    for who in (cora, app.desk.clearing_actor):
        with acting(app, who) as transaction:
            with pytest.raises(NoSuchCaseError):
                casework.case(app.desk, transaction, who, case_id)
            assert casework.cases(app.desk, transaction, who) == []
            assert route.survey(transaction)["intake"]["reports"] == 0
    route.publish_due(app.desk)
    again = cleared(app, DRAFT)  # the same report comes again, and is new
    with acting(app, cora) as transaction:
        assert intake.load(app.desk, transaction, [again])[0].content.title == DRAFT.title


def test_a_case_that_an_embargo_holds_is_not_shredded_nor_one_without_a_reason(house):
    app, case_id, _ = house
    assert shred(app, case_id, because=" ").code == "no-reason"
    with pytest.raises((ForbiddenError, NoSuchCaseError)):
        shred(app, case_id, who=outsider(app))
    set_clock(app, MONDAY)
    refused = shred(app, case_id)
    assert isinstance(refused, Refused)
    assert refused.code == "embargo-in-force"
    assert read(app, case_id).findings


def test_after_shredding_no_copy_is_found_on_disk_or_in_a_backup(house, installation, tmp_path):
    app, case_id, home = house
    opened(app, KEPT)
    url, keys = owner_url_of(app, installation), KeyFolder(home / "keys")
    old = tmp_path / "old"
    backup.back_up(url, keys, old, published=app.desk.published_folder, at=MONDAY)
    before = wrapped_keys(url)
    gone = shred(app, case_id)
    backup.note_shredded(url, keys)
    backup.scrub(url)
    backup.back_up(url, keys, tmp_path / "new", published=tmp_path / "none", at=MONDAY)
    for place in (installation[1].folder / "data", old, tmp_path / "new", home):
        found = everything(place)
        assert not [word for word in SECRETS if word in found], place
    # Their data keys too are in no file of the store's tables, nor in the new backup's dump.
    heap = everything(installation[1].folder / "data" / "base")
    assert [one for one in gone if bytes(before[one]) in heap] == []
    assert len(before) > len(gone)
    rest = set(before) - set(gone)
    assert all(bytes(before[one]) in heap for one in rest)


@contextmanager
def looking(url):
    """Hold a transaction open that reads the store as it was when it began."""
    with psycopg.connect(url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT count(*) FROM clearhouse.data_key")
        yield connection


def test_what_an_open_transaction_still_reads_is_waited_for(house, installation, monkeypatch):
    app, case_id, _ = house
    url = owner_url_of(app, installation)
    before = wrapped_keys(url)
    with looking(url) as reader:
        gone = shred(app, case_id)
        monkeypatch.setattr(backup, "EARLIER_S", 0.2)
        with pytest.raises(StoreUnavailableError, match="another process"):
            backup.scrub(url)
        monkeypatch.setattr(backup, "EARLIER_S", 30.0)
        threading.Timer(0.5, reader.rollback).start()
        backup.scrub(url)
    heap = everything(installation[1].folder / "data" / "base")
    assert [one for one in gone if bytes(before[one]) in heap] == []


def test_a_backup_made_before_does_not_bring_back_what_was_shredded_since(
    house, installation, tmp_path
):
    app, case_id, home = house
    other = opened(app, KEPT)
    url, keys = owner_url_of(app, installation), KeyFolder(home / "keys")
    backup.back_up(url, keys, tmp_path / "old", published=tmp_path / "none", at=MONDAY)
    gone = shred(app, case_id)
    backup.note_shredded(url, keys)
    with empty_database(installation, "restored") as fresh:
        settings = Settings(home=home, database_url=fresh, known=tmp_path / "known")
        manifest = restore(settings, tmp_path / "old")
        assert manifest.compartments == len(wrapped_keys(fresh)) + len(gone)
        again = build(settings)
        try:
            set_clock(again, app.desk.database.clock())
            cora = coordinator(again)
            with acting(again, cora) as transaction:
                cases = casework.cases(again.desk, transaction, cora)
            assert [case.id for case in cases] == [other.id]
        finally:
            again.close()


def test_with_the_opening_key_rotated_and_retired_even_an_old_log_of_the_store_opens_nothing(
    house, installation
):
    app, case_id, home = house
    url, keys = owner_url_of(app, installation), KeyFolder(home / "keys")
    stolen = wrapped_keys(url)  # as the write-ahead log or an old copy has them
    before = Keys(keys).sealing_key()
    gone = shred(app, case_id)
    rotation.rotate(url, keys)
    assert rotation.retire(url, keys)
    every = Keys(keys)
    opener = vault.Vault.with_key(every.opening_key(), every.opening_key_of)
    kek_id = before.public_bytes_raw().hex()[:16]
    for one in gone:
        with pytest.raises(vault.DamagedPayloadError):
            opener.unwrap(one, bytes(stolen[one]), kek_id)


def test_a_restored_house_has_the_same_ledger_and_the_same_advisories(
    house, installation, tmp_path
):
    app, case_id, home = house
    cora = coordinator(app)
    publish.publish_due(app.desk)
    route.seal_ledger(app.desk)
    url, keys = owner_url_of(app, installation), KeyFolder(home / "keys")
    made = backup.back_up(
        url, keys, tmp_path / "copy", published=app.desk.published_folder, at=MONDAY
    )
    assert made.ledger_size > 0
    with empty_database(installation, "restored") as fresh:
        settings = Settings(
            home=home, database_url=fresh, published=tmp_path / "shown", known=tmp_path / "known"
        )
        restore(settings, tmp_path / "copy")
        again = build(settings)
        try:
            with acting(again, cora) as transaction:
                row = transaction.one("SELECT size, root FROM tree_head ORDER BY size DESC LIMIT 1")
                assert (row["size"], row["root"].hex()) == (made.ledger_size, made.ledger_root)
                assert casework.case(again.desk, transaction, cora, case_id).id == case_id
        finally:
            again.close()
        with pytest.raises(BackupError, match="not empty"):
            restore(settings, tmp_path / "copy")


@pytest.mark.parametrize("fault", ["changed", "no manifest", "other keys"])
def test_a_backup_that_could_not_be_read_is_refused_before_anything_is_made(
    house, installation, tmp_path, fault
):
    app, _, home = house
    url, keys = owner_url_of(app, installation), KeyFolder(home / "keys")
    copy = tmp_path / "copy"
    backup.back_up(url, keys, copy, published=tmp_path / "none", at=MONDAY)
    if fault == "changed":
        (copy / "store.dump").write_bytes((copy / "store.dump").read_bytes() + b"x")
    elif fault == "no manifest":
        (copy / "manifest.json").unlink()
    else:
        shutil.rmtree(home / "keys")
    with empty_database(installation, "restored") as fresh:
        with pytest.raises((BackupError, KeyFileError)):
            restore(Settings(home=home, database_url=fresh), copy)
        with psycopg.connect(fresh) as connection:
            left = connection.execute(
                "SELECT FROM pg_namespace WHERE nspname = 'clearhouse'"
            ).fetchone()
        assert left is None
    with pytest.raises(BackupError, match="fresh folder"):
        backup.back_up(url, keys, copy, published=tmp_path / "none", at=MONDAY)


def test_the_commands_shred_back_up_rotate_and_retire(house, installation, tmp_path):
    app, case_id, home = house
    own = replace(app, home=home, owner_url=owner_url_of(app, installation))

    def run(*arguments, code=0):
        connect = Connect(lambda: own, lambda: own.counter, lambda: None)
        done = CliRunner().invoke(cli, [*map(str, arguments), "--json"], obj=connect)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
        return json.loads(done.stdout) if done.stdout else None

    assert run("backup", tmp_path / "copy")["compartments"] >= 3
    assert run("case", "shred", "cas_" + "a" * 26, "--because", "x", code=1) is None
    assert run("case", "shred", case_id, "--because", " ", code=1)["refused"] == "no-reason"
    assert run("case", "shred", case_id, "--because", "old")["compartments"] >= 3
    first = run("keys", "list")["present"]
    assert run("keys", "rotate")["earlier"] == [first]
    assert run("keys", "retire")["retired"] == [first]
    assert run("keys", "list")["earlier"] == []
    assert Path(home / "keys" / "shredded.txt").read_text().count("cmp_") >= 3


def test_the_restore_command_hands_the_folder_to_the_installation(tmp_path):
    made = backup.Manifest(made_at="t", dump_sha256="s", kek_ids=(), compartments=3,
                           ledger_size=5, ledger_root="r")  # fmt: skip
    asked = []
    connect = Connect(None, None, None, lambda folder: asked.append(folder) or made)
    done = CliRunner().invoke(cli, ["restore", str(tmp_path), "--json"], obj=connect)
    assert (done.exit_code, asked) == (0, [tmp_path])
    assert json.loads(done.stdout)["ledger"] == {"size": 5, "root": "r"}
    nothing = CliRunner().invoke(cli, ["restore", str(tmp_path)], obj=Connect(None, None, None))
    assert nothing.exit_code == 2
