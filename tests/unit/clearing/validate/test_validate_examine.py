"""Examining a report as a whole, over a cache that a test fills by hand."""

from datetime import UTC, datetime

import pytest

from clearhouse.clearing.deconflict.known import Known, Releases
from clearhouse.clearing.intake.record import Attachment, AttachmentKind, Draft, Location
from clearhouse.clearing.validate import examine as module
from clearhouse.clearing.validate.claims.tree import SourceTree
from clearhouse.clearing.validate.examine import examine
from clearhouse.clearing.validate.record import (
    Claim,
    ClaimResult,
    Doubt,
    Level,
    Verdict,
    VerdictKind,
)
from clearhouse.clearing.validate.reproduce.packages import BuildError, Environment
from clearhouse.clearing.validate.sources.claimed import claimed_version

NOW = datetime(2026, 11, 23, tzinfo=UTC)
PURL = "pkg:pypi/pkgname"
KNOWN = Known(
    release_lists={PURL: Releases(versions=("1.0", "1.1", "2.0rc1"), as_of=NOW)},
)
GOOD = Draft(
    title="pkgname decodes without a limit",
    purl=PURL,
    tested_version="1.0",
    locations=(Location(file="pkgname/codec.py", function="decode_all", line=1),),
)


class Shelf:
    """A cache of packages and of sources that needs no registry."""

    def __init__(self, folder, versions=("1.0", "1.1")):
        self.folder, self.versions = folder, versions

    def environment(self, target, version, requires=(), pinned=()):
        if version not in self.versions:
            raise BuildError("no such version")
        place = self.folder / version
        (place / "pkgname").mkdir(parents=True, exist_ok=True)
        (place / "pkgname" / "codec.py").write_text("def decode_all(data):\n    return data\n")
        (place / "pkgname" / "blob.bin").write_bytes(b"\xff\xfe\x00")
        (place / "dep.py").write_text("def helper_of_dependency(): pass\n")
        return Environment(
            folder=place,
            kind="pypi",
            versions=((target.name, version),),
            own_files=("pkgname/codec.py", "pkgname/blob.bin"),
            sha256="0" * 64,
        )

    def release(self, target, version):
        if (version or "1.1") not in self.versions:
            raise BuildError("no such version")
        return SourceTree(
            version=version or "1.1",
            files={"pkgname/codec.py": "def decode_all(data):\n    return data\n"},
            others={"dep.py": "def helper_of_dependency(): pass\n"},
            unread=frozenset({"pkgname/blob.bin"}),
        )


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    made = Shelf(tmp_path)
    monkeypatch.setattr(module, "SourceShelf", lambda folder: made)
    return made


def with_bundle(target=f"{PURL}@1.0", manifest=None):
    text = manifest or (
        f"format: clearhouse-bundle/1\ntarget: {target}\nfixed: 1.1\nrun: [python, p.py]\n"
        "oracle: {kind: output, match: ^VULN}\n"
    )
    return (
        Attachment(filename="bundle.yaml", content_type="text/yaml", data=text.encode()),
        Attachment(filename="p.py", content_type="text/plain", data=b"", kind=AttachmentKind.POC),
    )


def changed(**rest):
    from dataclasses import replace

    return replace(GOOD, **rest)


def test_places_that_all_hold_reach_e1(shelf):
    found = examine(GOOD, KNOWN, shelf, now=NOW)
    assert (found.level, found.kind) == (Level.E1, VerdictKind.NOT_ATTEMPTED)
    assert {one.result for one in found.checks if one.claim is Claim.SYMBOL} == {ClaimResult.HOLDS}
    assert not any("cited functions" in line for line in found.not_established)


def test_a_function_that_exists_nowhere_is_contradicted(shelf):
    place = Location(file="pkgname/codec.py", function="unpickle_everything_now")
    found = examine(changed(locations=(place,)), KNOWN, shelf, now=NOW)
    assert (found.level, found.kind) == (Level.E0, VerdictKind.CONTRADICTED)


def test_a_function_of_a_dependency_is_left_open(shelf):
    place = Location(file="pkgname/codec.py", function="helper_of_dependency")
    assert examine(changed(locations=(place,)), KNOWN, shelf, now=NOW).contradicted == ()


def test_a_report_about_test_code_is_out_of_scope_with_the_clause(shelf):
    found = examine(changed(locations=(Location(file="tests/x.py"),)), KNOWN, shelf, now=NOW)
    assert found.kind is VerdictKind.OUT_OF_SCOPE
    assert "default/1, test-code" in found.reason


def test_a_source_that_cannot_be_had_is_said_and_decides_nothing(shelf):
    shelf.versions = ()
    found = examine(GOOD, KNOWN, shelf, now=NOW)
    assert (found.level, found.kind) == (Level.E0, VerdictKind.NOT_ATTEMPTED)
    assert any("could not be had" in line for line in found.not_established)


def test_without_any_version_the_source_is_not_looked_up(shelf):
    found = examine(changed(tested_version=None), Known(), shelf, now=NOW)
    assert any("no release that exists" in line for line in found.not_established)


def test_without_a_release_list_the_stated_version_is_looked_up(shelf):
    found = examine(GOOD, Known(), shelf, now=NOW)
    assert {one.result for one in found.checks if one.claim is Claim.SYMBOL} == {ClaimResult.HOLDS}


def test_without_a_package_no_level_is_reached(shelf):
    assert examine(changed(purl=None), KNOWN, shelf, now=NOW).level is None


def ran(kind, level, doubt=None):
    return Verdict(
        level=level,
        kind=kind,
        reason="what the runs say",
        doubt=doubt,
        not_established=("Not checked: a patch.",),
        rules="reproduce/1",
        decided_at=NOW,
    )


def test_a_reproduced_flaw_outweighs_a_wrong_detail(shelf, monkeypatch):
    monkeypatch.setattr(module, "reproduce", lambda *a, **k: ran(VerdictKind.REPRODUCED, Level.E5))
    draft = changed(aliases=("CVE-2041-1",), attachments=with_bundle())
    found = examine(draft, KNOWN, shelf, now=NOW)
    assert (found.kind, found.level) == (VerdictKind.REPRODUCED, Level.E5)
    assert found.contradicted
    assert "Not checked: a patch." in found.not_established


def test_a_doubtful_run_does_not_hide_a_contradiction(shelf, monkeypatch):
    doubtful = ran(VerdictKind.INCONCLUSIVE, Level.E3, Doubt.ORACLE)
    monkeypatch.setattr(module, "reproduce", lambda *a, **k: doubtful)
    wrong = changed(aliases=("CVE-2041-1234",), attachments=with_bundle())
    found = examine(wrong, KNOWN, shelf, now=NOW)
    assert (found.kind, found.doubt) == (VerdictKind.CONTRADICTED, None)
    assert "what the runs say" in found.reason
    plain = examine(changed(attachments=with_bundle()), KNOWN, shelf, now=NOW)
    assert (plain.kind, plain.doubt) == (VerdictKind.INCONCLUSIVE, Doubt.ORACLE)


@pytest.mark.parametrize(
    ("attachments", "reason"),
    [
        (with_bundle("pkg:pypi/other@1.0"), "another package"),
        (with_bundle(manifest="nonsense"), "cannot be used"),
    ],
)
def test_a_bundle_that_does_not_fit_is_said(shelf, attachments, reason):
    found = examine(changed(attachments=attachments), KNOWN, shelf, now=NOW)
    assert found.kind is VerdictKind.NOT_ATTEMPTED
    assert any(reason in line for line in found.not_established)


@pytest.mark.parametrize(
    ("draft", "version"),
    [
        (GOOD, "1.0"),
        (changed(tested_version=None, affected_versions=("1.0",)), "1.0"),
        (changed(tested_version=None, affected_versions=("<1.1",)), "1.0"),
        (changed(tested_version="9.9", affected_versions=()), "1.1"),
        (changed(purl=None), None),
        (changed(purl="pkg:pypi/unheard"), "1.0"),
        (changed(purl="pkg:pypi/unheard", tested_version="latest"), None),
    ],
)
def test_the_release_that_a_report_speaks_of(draft, version):
    assert claimed_version(draft, KNOWN) == version


def test_a_compiled_target_goes_to_the_compiled_runner(shelf, monkeypatch):
    given = []

    def compiled(native, cache, *, now):
        given.append(native.build.recipe)
        return ran(VerdictKind.REPRODUCED, Level.E5)

    monkeypatch.setattr(module, "reproduce_native", compiled)
    manifest = (
        f"format: clearhouse-bundle/1\ntarget: {PURL}@1.0\nfixed: '1.1'\n"
        "run: [program, p.py]\noracle: {kind: sanitizer}\n"
        "build: {recipe: c, sanitizer: address, files: ['*.c'],\n"
        f"  sources: [{{file: a.tar.gz, sha256: '{'a' * 64}'}}],\n"
        f"  fixed_sources: [{{file: b.tar.gz, sha256: '{'b' * 64}'}}]}}\n"
    )
    found = examine(changed(attachments=with_bundle(manifest=manifest)), KNOWN, shelf, now=NOW)
    assert given == ["c"], found.not_established
    assert found.level is Level.E5
