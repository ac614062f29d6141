"""Repositories of strangers: borrowed from this machine, or fetched over HTTPS and nothing else."""

import functools
import http.server
import os
import shutil
import ssl
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.validate.look import claimed_commit, repository_of
from clearhouse.clearing.validate.scope import profile_for
from clearhouse.clearing.validate.sources import git
from clearhouse.clearing.validate.sources.allowed import Repositories
from clearhouse.clearing.validate.sources.git import RepositoryError
from clearhouse.clearing.validate.sources.repository import Repository
from clearhouse.kernel import policy
from git_repositories import begin, commit, open_folder, run

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
tmp_path = pytest.fixture(open_folder, name="tmp_path")
base = pytest.fixture(open_folder, name="base", scope="module")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def certificate(folder):
    """Write a certificate of this machine's loopback, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.fixture(scope="module")
def origin(base):
    """Serve a repository over HTTPS on the loopback, and give its folder and host."""
    certificate(base)
    source = begin(base / "web" / "acme" / "wire")
    commit(source, {"lib/a.c": "int first(void);\n"}, tag="v1.0")
    run(source, "branch", "other")
    run(source, "update-server-info")
    shutil.copytree(source / ".git", base / "web" / "acme" / "served")
    handler = functools.partial(Quiet, directory=base / "web")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(base / "cert.pem", base / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def trusted(base, monkeypatch):
    """Trust the origin's certificate, and reach it without a proxy."""
    monkeypatch.setenv("GIT_SSL_CAINFO", str(base / "cert.pem"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(base / "cert.pem"))


def test_a_listed_host_is_fetched_once_a_day_with_its_branches_and_tags(
    origin, trusted, base, tmp_path
):
    repositories = Repositories(tmp_path, hosts=[origin])
    address = f"https://{origin}/acme/served"
    found = repositories.open(address)
    assert found.fresh
    assert found.tags() == {"1.0": "v1.0"}
    assert "lib/a.c" in found.tree("other").files
    place = tmp_path / "fetched" / origin / "acme" / "served"
    assert {one.stat().st_uid for one in place.rglob("*")} == {os.geteuid()}
    hidden = base / "web" / "acme" / "hidden"
    (base / "web" / "acme" / "served").rename(hidden)
    try:
        assert repositories.open(address).tags() == {"1.0": "v1.0"}
        os.utime(place / "fetched", (0, 0))
        with pytest.raises(RepositoryError, match="failed"):
            repositories.open(address)
        assert place.is_dir()
    finally:
        hidden.rename(base / "web" / "acme" / "served")


def test_what_cannot_be_fetched_leaves_nothing_behind(origin, trusted, tmp_path):
    repositories = Repositories(tmp_path, hosts=[origin])
    with pytest.raises(RepositoryError, match="ls-remote failed"):
        repositories.open(f"https://{origin}/acme/none")
    assert not (tmp_path / "fetched" / origin / "acme" / "none").exists()


def test_a_certificate_that_nobody_vouches_for_is_not_taken(origin, tmp_path, monkeypatch):
    for name in ("GIT_SSL_CAINFO", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(RepositoryError, match="certificate"):
        Repositories(tmp_path, hosts=[origin]).open(f"https://{origin}/acme/served")


def test_the_policy_lists_hosts_and_the_environment_names_mirrors(tmp_path, monkeypatch):
    monkeypatch.setenv("CLEARHOUSE_REPOSITORIES", str(tmp_path / "mirrors"))
    begin(tmp_path / "mirrors" / "git.example" / "acme" / "wire.git")
    made = Repositories.configured(tmp_path / "cache")
    assert "github.com" in made.hosts
    assert made.mirrors == tmp_path / "mirrors"
    assert made.open("https://git.example/acme/wire").fresh
    monkeypatch.delenv("CLEARHOUSE_REPOSITORIES")
    assert Repositories.configured(tmp_path / "cache").mirrors is None
    monkeypatch.setattr(policy, "load", lambda name: {"hosts": "all of them"})
    with pytest.raises(policy.PolicyError, match="missing"):
        Repositories.configured(tmp_path)


def test_a_mirror_of_another_repository_is_not_this_ones(tmp_path):
    begin(tmp_path / "mirrors" / "git.example" / "acme" / "wire")
    repositories = Repositories(tmp_path / "cache", mirrors=tmp_path / "mirrors")
    with pytest.raises(RepositoryError, match="no mirror"):
        repositories.open("https://git.example/acme/other")


# borrowing


def test_a_detached_head_and_packed_refs_are_read(tmp_path):
    folder = begin(tmp_path / "it")
    head = commit(folder, {"a.c": "int a;\n"}, tag="v1.0")
    run(folder, "pack-refs", "--all")
    run(folder, "checkout", "-q", "--detach")
    ours = git.borrow(folder, tmp_path / "ours")
    assert (ours / "HEAD").read_text().strip() == head
    assert Repository(ours).tags() == {"1.0": "v1.0"}


@pytest.mark.parametrize("head", ["", "nonsense", "ref: ../../etc/passwd", "ref: refs/heads/a b"])
def test_a_head_that_git_would_not_write_is_refused(tmp_path, head):
    folder = begin(tmp_path / "it")
    commit(folder, {"a": "a"})
    (folder / ".git" / "HEAD").write_text(head)
    with pytest.raises(RepositoryError, match="HEAD"):
        git.borrow(folder, tmp_path / "ours")


def test_refs_with_odd_names_and_links_are_left_out(tmp_path, monkeypatch):
    folder = begin(tmp_path / "it")
    head = commit(folder, {"a": "a"}, tag="v1")
    refs = folder / ".git" / "refs" / "tags"
    (refs / "torn").write_text("not a commit\n")
    (refs / "odd name").write_text(f"{head}\n")
    (refs / "v1.lock").write_text(f"{head}\n")
    (refs / "away").symlink_to("/etc/hostname")
    packed = (git.borrow(folder, tmp_path / "ours") / "packed-refs").read_text()
    assert [line.split()[1] for line in packed.splitlines()[1:]] == [
        "refs/heads/main",
        "refs/tags/v1",
    ]
    monkeypatch.setattr(git, "_MAX_REFS", 1)
    with pytest.raises(RepositoryError, match="more than 1 refs"):
        git.borrow(folder, tmp_path / "more")


# running


def test_without_git_or_when_it_fails_the_machine_is_named(tmp_path, monkeypatch):
    ours = git.borrow(begin(tmp_path / "it"), tmp_path / "ours")
    with pytest.raises(RepositoryError, match="git rev-parse failed"):
        git.run(ours, ["rev-parse", "--verify", "none"])
    monkeypatch.setattr(git.shutil, "which", lambda name: None)
    assert git._limited(1, 1) == []
    with pytest.raises(RepositoryError, match="install git"):
        git.program()


def test_git_runs_without_rights_where_this_process_has_any(monkeypatch):
    monkeypatch.setattr(git.os, "geteuid", lambda: 0)
    assert git.account() == 65534
    monkeypatch.setattr(git.os, "geteuid", lambda: 1000)
    assert git.account() is None


# which repository and which commit a report speaks of


def test_the_repository_is_the_profiles_the_packages_or_the_reports():
    unknown = replace(profile_for("pkg:npm/nobody-knows"), repository=None)
    known = replace(unknown, repository="https://git.example/a/b")
    stated = Draft(purl="pkg:npm/nobody-knows", repository="https://git.example/c/d")
    assert repository_of(stated, known) == "https://git.example/a/b"
    assert repository_of(stated, unknown) == "https://git.example/c/d"
    hosted = Draft(purl="pkg:github/acme/wire@1.0")
    assert repository_of(hosted, unknown) == "https://github.com/acme/wire"


def test_a_report_speaks_of_the_highest_tag_inside_its_range_or_of_the_newest_commit(tmp_path):
    folder = begin(tmp_path / "it")
    for number in ("1.0.0", "1.1.0", "2.0.0"):
        commit(folder, {"a.c": f"/* {number} */\n"}, tag=f"v{number}")
    newest = commit(folder, {"a.c": "int a;\n"})
    repository = Repository(git.borrow(folder, tmp_path / "ours"))
    tags = repository.tags()

    def place(**stated):
        return claimed_commit(Draft(purl="pkg:generic/wire", **stated), repository, tags)[0]

    assert place(affected_versions=("<2.0.0",)) == "v1.1.0"
    assert place(tested_version="v1.0.0", affected_versions=("<2.0.0",)) == "v1.0.0"
    assert place(commits=("f" * 40,), tested_version="9.9") == newest[:12]
