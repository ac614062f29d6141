"""Claims looked up in small repositories that are shaped like real disputes."""

import os
import shutil
import time

import pytest

from clearhouse.clearing.deconflict.known import Known
from clearhouse.clearing.intake.record import Attachment, AttachmentKind, Draft, Location
from clearhouse.clearing.validate import look as module
from clearhouse.clearing.validate.claims.elsewhere import Names
from clearhouse.clearing.validate.claims.tree import SourceTree
from clearhouse.clearing.validate.look import look
from clearhouse.clearing.validate.profiles import read_profile
from clearhouse.clearing.validate.record import Claim, ClaimResult
from clearhouse.clearing.validate.reproduce.packages import BuildError
from clearhouse.clearing.validate.sources import git
from clearhouse.clearing.validate.sources.allowed import Repositories, place_of
from clearhouse.clearing.validate.sources.git import RepositoryError
from clearhouse.clearing.validate.sources.repository import Repository
from git_repositories import commit, open_folder, run

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
HOLDS, WRONG, OPEN = ClaimResult.HOLDS, ClaimResult.CONTRADICTED, ClaimResult.UNCHECKABLE
ADDRESS = "https://git.example/acme/wire"
PURL = "pkg:generic/wire"
PROFILE = f"""\
id: wire
version: 1
applies_to: ["{PURL}"]
source: https://wire.example/security
repository: {ADDRESS}
names:
  own: [wire_, Wire_]
  dependencies: [{{prefix: ntp2_, package: "pkg:deb/debian/ntp2"}}]
excluded_paths:
  - {{clause: test-code, text: Tests are not shipped., globs: ["tests/**"]}}
clauses:
  - {{clause: misuse, text: Misuse is a bug of the caller.}}
"""
COOKIE = """\
#include "wire.h"
/* wire_only_in_a_comment() was dropped */
static const char *text = "wire_only_in_a_string()";
int wire_cookie_set(char *out, const char *in, size_t len)
{
  char key[32];
  size_t keylen = strlen(in);
  if(keylen >= sizeof(key))
    return 1;
  strcpy(key, in);
  ntp2_stream_open(out);
  return 0;
}
"""
OS = "int Wire_ldap_text_a(int error)\n{\n  return error;\n}\n"


class Sources:
    """A dependency's source, without a registry."""

    def release(self, target, version):
        if target.name != "ntp2":
            raise BuildError("not here")
        return SourceTree(version="1", files={"a.c": "int ntp2_stream_open(void) { return 0; }"})


tmp_path = pytest.fixture(open_folder, name="tmp_path")
base = pytest.fixture(open_folder, name="base", scope="module")


@pytest.fixture(scope="module")
def mirrors(base):
    folder = base / "git.example" / "acme" / "wire"
    folder.mkdir(parents=True)
    run(folder, "init", "-q", "-b", "main")
    commit(
        folder,
        {
            "lib/cookie.c": COOKIE,
            "lib/wire.h": "int wire_cookie_set(char *out, const char *in, size_t len);\n",
            "lib/old_mode.h": "int wire_set_mode(int fd);\nint wire_gone_later(int a);\n",
            "packages/OS/os.c": OS,
            "include/wire/wire.h": "int wire_open(void);\n",
            "tests/server/daemon.c": "int main(void) { return 0; }\n",
            "Makefile": "all: lib/generated_table.c\n",
        },
        tag="wire-1_0_0",
    )
    run(folder, "mv", "lib/old_mode.h", "lib/mode.h")
    commit(folder, {}, tag="wire-1_1_0")
    commit(folder, {"lib/mode.h": "int wire_set_mode(int fd);\n"}, remove=["packages/OS/os.c"])
    for place in base.rglob("*"):
        place.chmod(0o755 if place.is_dir() else 0o644)
    return base


@pytest.fixture
def answers(mirrors, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "profile_for", lambda purl: read_profile("wire-1.yaml", PROFILE))

    def ask(**stated):
        draft = Draft(purl=PURL, **({"tested_version": "1.0.0"} | stated))
        repositories = Repositories(tmp_path / "git", mirrors=mirrors)
        return look(draft, Known(), Sources(), repositories)

    return ask


def result(looked, claim):
    assert looked.missing is None
    return next(one for one in looked.checks if one.claim is claim)


@pytest.mark.parametrize(
    ("version", "path", "expected", "words"),
    [
        ("1.0.0", "lib/cookie.c", HOLDS, "there"),
        ("1.0.0", "/build/src/lib/cookie.c", HOLDS, "there"),
        ("1.0.0", "include/wire_mode.h", WRONG, "no commit ever"),
        ("1.1.0", "lib/old_mode.h", OPEN, "renamed to lib/mode.h"),
        (None, "packages/OS/os.c", OPEN, "removed on"),
        ("1.0.0", "lib/mode.h", OPEN, "but in commit"),
        ("1.0.0", "src/cookie.c", OPEN, "similar: lib/cookie.c"),
        ("1.0.0", "lib/cookies.c", OPEN, "similar: lib/cookie.c"),
        ("1.0.0", "lib/generated_table.c", OPEN, "Makefile speaks of"),
        ("1.0.0", "otherlib/deep/frames.c", OPEN, "need not have it"),
        ("1.0.0", "tests/unit/never_there.c", OPEN, "need not have it"),
    ],
)
def test_a_path_is_denied_only_when_no_commit_ever_had_it(answers, version, path, expected, words):
    found = result(answers(tested_version=version, locations=(Location(file=path),)), Claim.FILE)
    assert found.result is expected
    assert words in found.reason


@pytest.mark.parametrize(
    ("place", "expected", "words"),
    [
        ({"file": "lib/cookie.c", "function": "wire_cookie_set"}, HOLDS, "cited file"),
        ({"function": "wire_cookie_set()"}, HOLDS, "Defined"),
        ({"file": "lib/cookie.c", "function": "wire_only_in_a_comment"}, OPEN, "another place"),
        ({"file": "lib/cookie.c", "function": "wire_only_in_a_string"}, OPEN, "another place"),
        ({"file": "packages/OS/os.c", "function": "Wire_ldap_text"}, OPEN, "Wire_ldap_text_a"),
        ({"function": "wire_cookie_sets"}, OPEN, "similar: wire_cookie_set"),
        ({"function": "WIRE_COOKIE_SET"}, OPEN, "similar: wire_cookie_set"),
        ({"function": "wire_cookie_set_timeout"}, WRONG, "nowhere"),
        ({"file": "lib/cookie.c", "function": "wire_parse_priority_frame"}, WRONG, "nowhere"),
        ({"function": "ntp2_handle_priority_frame"}, WRONG, "pkg:deb/debian/ntp2"),
        ({"function": "somebody_elses_function"}, OPEN, "dependency"),
    ],
)
def test_a_function_is_denied_only_when_nobody_can_have_it(answers, place, expected, words):
    found = result(answers(locations=(Location(**place),)), Claim.SYMBOL)
    assert (found.result, words in found.reason) == (expected, True), found.reason


def test_a_function_of_an_earlier_version_is_found_in_the_history(answers, mirrors):
    run(mirrors / "git.example" / "acme" / "wire", "tag", "-f", "wire-1_2_0")
    looked = answers(tested_version="1.2.0", locations=(Location(function="wire_gone_later"),))
    found = result(looked, Claim.SYMBOL)
    assert found.result is OPEN
    assert "history" in found.reason


def test_a_dependency_whose_source_is_not_to_be_had_denies_nothing(answers, monkeypatch):
    def nothing(self, target, version):
        raise BuildError("no registry")

    monkeypatch.setattr(Sources, "release", nothing)
    looked = answers(locations=(Location(function="ntp2_handle_priority_frame"),))
    assert result(looked, Claim.SYMBOL).result is OPEN


def test_names_in_prose_are_denied_only_when_they_are_the_projects_own(answers):
    text = (
        "The call `wire_easy_set_timeout()` overflows, as does `strange_thing_here()`.\n"
        "```\nint wire_made_for_the_proof(void);\n```\n"
        "## Suggested fix\nAdd `wire_checked_copy_of_all()` and call it.\n"
    )
    found = {one.subject: one.result for one in answers(description=text).checks}
    assert found["wire_easy_set_timeout"] is WRONG
    assert {"strange_thing_here", "wire_made_for_the_proof", "wire_checked_copy_of_all"}.isdisjoint(
        found
    )


def test_a_frame_of_the_target_is_looked_up_and_others_are_left_alone(answers):
    log = (
        "    #0 0x1 in __interceptor_strcpy /build/asan.c:12\n"
        "    #1 0x2 in wire_cookie_set /src/wire/lib/cookie.c:10:3\n"
        "    #2 0x3 in wire_easy_dispatch_it /src/wire/lib/cookie.c:12:3\n"
        "    #3 0x4 in main /src/poc.c:3\n"
    )
    checks = answers(crash_log=f"==1==ERROR: AddressSanitizer: heap-buffer-overflow\n{log}").checks
    frames = {one.subject: one.result for one in checks if one.claim is Claim.FRAME}
    assert frames == {"wire_cookie_set": HOLDS, "wire_easy_dispatch_it": WRONG}


def test_a_link_into_the_repository_gives_commit_file_and_line(answers):
    link = f"see {ADDRESS}/blob/wire-1_0_0/lib/cookie.c#L10 there"
    looked = answers(tested_version=None, description=link)
    assert looked.places[0] == "commit wire-1_0_0"
    assert result(looked, Claim.LINE).result is HOLDS


def test_a_check_that_leaves_before_the_cited_line_is_pointed_out(answers):
    place = Location(file="lib/cookie.c", line=10)
    found = result(answers(locations=(place,)), Claim.GUARD)
    assert found.result is OPEN
    assert "keylen >= sizeof(key)" in found.reason
    unguarded = answers(locations=(Location(file="lib/cookie.c", line=7),))
    assert all(one.claim is not Claim.GUARD for one in unguarded.checks)


def test_commits_are_denied_by_a_fresh_copy_only(answers, mirrors):
    known = run(mirrors / "git.example" / "acme" / "wire", "rev-parse", "wire-1_0_0")
    assert result(answers(commits=(known[:9],)), Claim.COMMIT).result is HOLDS
    absent = "9414975"
    text = f"It came with commit {absent}."
    assert result(answers(description=text), Claim.COMMIT).result is WRONG
    assert result(answers(fixed_commit=absent), Claim.COMMIT).result is OPEN
    age(mirrors)
    assert result(answers(description=text), Claim.COMMIT).result is OPEN
    assert result(answers(introduced_commit=absent), Claim.COMMIT).result is WRONG


def age(mirrors):
    """Make the copy two days old."""
    for place in (mirrors / "git.example" / "acme" / "wire" / ".git").iterdir():
        if place.is_file():
            os.utime(place, (time.time() - 2 * 86400,) * 2)


PROOF = """\
#include <string.h>
#include <stdio.h>
static void set_cookie(const char *in) { char key[8]; strcpy(key, in); puts(key); }
int main(int argc, char **argv) { set_cookie("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"); return 0; }
"""
RUNS_A_SHELL = """\
#include <unistd.h>
int main(void) { char *a[] = {"/bin/sh", 0}; execve("/bin/sh", a, 0); return 0; }
"""


@pytest.mark.parametrize(
    ("proof", "expected"),
    [
        (PROOF, WRONG),
        (RUNS_A_SHELL, WRONG),
        (PROOF.replace("set_cookie(const", "wire_cookie_set(const"), WRONG),
        (PROOF.replace("puts(key);", "wire_cookie_set(key, in, 8);"), HOLDS),
        (RUNS_A_SHELL.replace("/bin/sh", "/usr/bin/wire"), OPEN),
        (PROOF.replace("puts(key);", "connect(1, 0, 0);"), OPEN),
        (PROOF.replace("puts(key);", 'FILE *f = fopen("x.bin", "wb");'), OPEN),
        (PROOF.replace("puts(key);", 'dlopen("libwire.so", 1);'), OPEN),
        (COOKIE.replace('#include "wire.h"', "") + "int main(void) { return 0; }", OPEN),
        ("strcpy(key, in);", OPEN),
        ("", OPEN),
    ],
)
def test_a_proof_that_never_touches_the_target_is_told(answers, proof, expected):
    file = Attachment(
        filename="proof.c", content_type="text/plain", data=proof.encode(), kind=AttachmentKind.POC
    )
    assert result(answers(attachments=(file,)), Claim.PROOF).result is expected


def test_one_proof_that_is_not_followed_keeps_all_of_them_open(answers):
    files = tuple(
        Attachment(filename=name, content_type="", data=data, kind=AttachmentKind.POC)
        for name, data in (("proof.c", PROOF.encode()), ("run.sh", b"wire --set x"))
    )
    assert result(answers(attachments=files), Claim.PROOF).result is OPEN


@pytest.mark.parametrize(
    "address",
    [
        "http://git.example/acme/wire", "git://git.example/acme/wire", "ext::sh -c id",
        "file:///etc", "/etc", "ssh://git@git.example/acme/wire", "git@git.example:acme/wire",
        "https://user:word@git.example/acme/wire", "https://git.example/../../etc",
        "https://git.example/acme/wire?x=1", "https://git.example/", "--upload-pack=id",
    ],
)  # fmt: skip
def test_only_plain_https_addresses_are_taken(address):
    with pytest.raises(RepositoryError):
        place_of(address)


def test_a_host_that_is_not_allowed_is_not_asked(tmp_path):
    with pytest.raises(RepositoryError, match="not allowed"):
        Repositories(tmp_path, hosts=["git.example"]).open("https://elsewhere.example/a/b")


def test_nothing_of_a_hostile_repository_takes_effect(tmp_path):
    folder, ran = tmp_path / "hostile", tmp_path / "ran"
    folder.mkdir()
    run(folder, "init", "-q", "-b", "main")
    commit(
        folder,
        {
            "a.c": "int a(void);\n",
            ".gitattributes": "*.c filter=evil diff=evil\n",
            ".gitmodules": '[submodule "x"]\n path = x\n url = ext::touch ran\n',
        },
    )
    (folder / "link").symlink_to("/etc/passwd")
    head = commit(folder, {}, tag="v1.0")
    with (folder / ".git" / "config").open("a") as config:
        for name in ("core.fsmonitor", "core.sshCommand", "core.pager", "diff.external"):
            section, key = name.split(".")
            config.write(f"[{section}]\n {key} = touch {ran}\n")
        config.write(
            f'[filter "evil"]\n smudge = touch {ran}\n[diff "evil"]\n textconv = touch {ran}\n'
        )
        config.write(f"[include]\n path = {ran}\n")
    for hook in ("post-checkout", "reference-transaction", "pre-auto-gc"):
        place = folder / ".git" / "hooks" / hook
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"#!/bin/sh\ntouch {ran}\n")
        place.chmod(0o755)
    repository = Repository(git.borrow(folder, tmp_path / "ours"))
    tree = repository.tree(head)
    assert "a.c" in tree.files
    assert "link" in tree.unread
    assert repository.tags() == {"1.0": "v1.0"}
    assert repository.fate("a.c")
    assert repository.search(["a"])[0]
    assert repository.resolve("--output=x") is None
    assert not ran.exists()
    assert not (tmp_path / "x").exists()


def test_a_repository_that_borrows_or_is_shallow_is_refused(tmp_path):
    folder = tmp_path / "it"
    folder.mkdir()
    run(folder, "init", "-q", "-b", "main")
    commit(folder, {"a": "a"})
    alternates = folder / ".git" / "objects" / "info" / "alternates"
    alternates.write_text("/etc\n")
    with pytest.raises(RepositoryError, match="borrows"):
        git.borrow(folder, tmp_path / "ours")
    alternates.unlink()
    (folder / ".git" / "shallow").write_text("x\n")
    with pytest.raises(RepositoryError, match="shallow"):
        git.borrow(folder, tmp_path / "ours")
    with pytest.raises(RepositoryError, match="no git repository"):
        git.borrow(tmp_path / "nowhere", tmp_path / "ours")


def test_too_much_or_too_long_ends_git(tmp_path, mirrors):
    ours = git.borrow(mirrors / "git.example" / "acme" / "wire", tmp_path / "ours")
    with pytest.raises(RepositoryError, match="more than 3 bytes"):
        git.run(ours, ["log"], limit_bytes=3)
    with pytest.raises(RepositoryError, match="too long"):
        git.run(ours, ["log"], timeout_s=0)


def test_a_missing_object_leaves_the_search_open(tmp_path):
    folder = tmp_path / "it"
    folder.mkdir()
    run(folder, "init", "-q", "-b", "main")
    head = commit(folder, {"a.c": "int a(void);\n"})
    blob = run(folder, "rev-parse", "HEAD:a.c")
    (folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    repository = Repository(git.borrow(folder, tmp_path / "ours"))
    assert repository.tree(head).unread == {"a.c"}
    with pytest.raises(RepositoryError, match="lacks an object"):
        repository.search(["a"])


def test_prefixes_tell_whose_a_name_is():
    assert not Names().is_own("anything")
    assert Names(own=("a_",)).is_own("a_b")


@pytest.mark.skipif(
    not os.environ.get("CLEARHOUSE_CURL_CLONE"),
    reason="set CLEARHOUSE_CURL_CLONE to a full clone of curl",
)
def test_rejected_reports_about_curl_are_refuted_where_the_source_can(tmp_path):
    place = tmp_path / "mirrors" / "github.com" / "curl"
    place.mkdir(parents=True)
    (place / "curl").symlink_to(os.environ["CLEARHOUSE_CURL_CLONE"])
    repositories = Repositories(tmp_path / "git", mirrors=tmp_path / "mirrors")

    def wrong(**stated):
        draft = Draft(purl="pkg:generic/curl", **stated)
        looked = look(draft, Known(), Sources(), repositories)
        assert looked.missing is None
        return {one.subject for one in looked.checks if one.result is WRONG}

    names = "Calls of `curl_easy_setopt_timeout()` and `curl_easy_setopt_custom()` overflow."
    assert wrong(tested_version="8.3.0", description=names) == {
        "curl_easy_setopt_timeout", "curl_easy_setopt_custom",
    }  # fmt: skip
    mode = Location(file="include/tool_binmode.h")
    assert wrong(tested_version="8.16.0", locations=(mode,)) == {"include/tool_binmode.h"}
    near = Location(file="packages/OS400/os400sys.c", function="Curl_ldap_err2string")
    for version in ("8.16.0", None):
        assert wrong(tested_version=version, locations=(near,)) == set()
    genuine = Location(file="lib/socks.c", function="do_SOCKS5")
    assert wrong(tested_version="8.3.0", locations=(genuine,)) == set()
