"""The official corpora of the field, case by case: what our readers answer, and why where they miss.

Each corpus is a function from the folder of suites to `Case`s. `perf/conformance.py` writes them down
as docs/conformance.md; tests hold the floors.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cmp_to_key
from pathlib import Path

from clearhouse.formats import (
    csaf_check,
    cvss,
    cyclonedx_check,
    openvex_check,
    osv,
    vers,
)
from clearhouse.formats.purl import PurlError, build
from clearhouse.formats.purl import parse as parse_purl
from clearhouse.formats.stacktrace import parse as parse_stack
from clearhouse.formats.vers_native import from_native

LATER = datetime(2100, 1, 1, tzinfo=UTC)
"""No example of a corpus is from the future of this."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One official case; `right` is None where it was not attempted."""

    name: str
    right: bool | None
    reason: str = ""


def _load(path):
    return json.loads(path.read_text("utf-8"))


# CSAF ---------------------------------------------------------------------------------------------


def csaf_20(suites):
    return _csaf(suites / "csaf-2.0" / "validator")


def csaf_21(suites):
    return _csaf(suites / "csaf-2.1" / "validator")


def _csaf(folder):
    """A verdict is right when the test of that number finds something just where it should."""
    for test in _load(folder / "testcases.json")["tests"]:
        for wanted, listed in ((True, "failures"), (False, "valid")):
            for one in test.get(listed, []):
                document = _load(folder / one["name"])
                found = csaf_check.finds(document, test["id"])
                yield Case(
                    name=f"{test['id']} {Path(one['name']).stem}",
                    right=None if found is None else found == wanted,
                    reason=csaf_check.NOT_ATTEMPTED.get(test["id"], ""),
                )


# Package URLs and version ranges ------------------------------------------------------------------

_PARTS = ("type", "namespace", "name", "version", "qualifiers", "subpath")
PURL_REASONS = {
    "gem": "the standard lowers qualifier keys while parsing; the case wants a refusal",
    "rpm": "the standard lowers qualifier keys while parsing; the case wants a refusal",
    "git": "the type `git` puts a path into the name, which the parser below us splits",
}


def purl(suites):
    for path in sorted((suites / "purl" / "tests").rglob("*.json")):
        for case in _load(path)["tests"]:
            kind = path.stem.removesuffix("-test")
            yield Case(
                name=f"{path.stem}: {case['test_type']} {case['input']}",
                right=_purl_right(case),
                reason=PURL_REASONS.get(kind, ""),
            )


def _purl_right(case):
    try:
        found = _purl(case["test_type"], case["input"])
    except PurlError:
        return bool(case.get("expected_failure"))
    if case.get("expected_failure"):
        return False
    expected = case["expected_output"]
    return found == (expected if isinstance(expected, str) else _plain(expected))


def _purl(kind, given):
    if kind == "build":
        return str(build(**{part: given.get(part) for part in _PARTS}))
    found = parse_purl(given)
    if kind == "parse":
        return _plain({part: getattr(found, part) for part in _PARTS})
    return str(found)


def _plain(parts):
    qualifiers = dict(parts.get("qualifiers") or {})
    return {part: parts.get(part) or None for part in _PARTS} | {"qualifiers": qualifiers or None}


VERS_REASONS = {
    "conan_range_from_native_test": "the expected range has no constraint, which VERS forbids",
    "npm_range_from_native_test": "another range with the same versions, or one that is not sorted "
    "and simplified as VERS asks",
    "pypi_range_validate_test": "the expected range repeats a constraint, which VERS forbids",
}


def version_ranges(suites):
    for path in sorted((suites / "vers" / "tests").glob("*.json")):
        for case in _load(path)["tests"]:
            yield Case(
                name=f"{path.stem}: {case['test_type']} {json.dumps(case['input'])}",
                right=_vers_right(case),
                reason=VERS_REASONS.get(path.stem, ""),
            )


def _vers_right(case):
    try:
        found = _VERS[case["test_type"]](case["input"])
    except vers.VersError:
        return bool(case.get("expected_failure"))
    return not case.get("expected_failure") and found == case["expected_output"]


def _sorted(given):
    scheme = given["input_scheme"]
    order = cmp_to_key(lambda first, second: vers.compare(scheme, first, second))
    return [vers.spelled(scheme, one) for one in sorted(given["versions"], key=order)]


def _parts(given):
    found = vers.parse(given, canonical=True)
    pairs = [[one.comparator, one.version] for one in found.constraints]
    return {"scheme": found.scheme, "version_constraints": pairs}


_VERS = {
    "comparison": _sorted,
    "equality": lambda given: vers.compare(given["input_scheme"], *given["versions"]) == 0,
    "from_native": lambda given: str(from_native(given["scheme"], given["native_range"])),
    "containment": lambda given: vers.parse(given["vers"]).contains(given["version"]),
    "validate": lambda given: str(vers.parse(given)),
    "parse": _parts,
}


# Documents ----------------------------------------------------------------------------------------


def cyclonedx(suites):
    """Every example that CycloneDX calls valid or invalid, of versions 1.4 to 1.7."""
    for version in ("1.4", "1.5", "1.6", "1.7"):
        for path in sorted((suites / "cyclonedx" / version).glob("*.json")):
            valid = not any(cyclonedx_check.faults(_load(path)))
            yield Case(name=path.stem, right=valid == path.name.startswith("valid"))


OSV_WRONG = {"nointroduced-CVE-2023-41045", "nondistinct-CVE-2018-5407"}
OSV_REASONS = {
    "RHSA-2022_0216": "valid OSV without a package; refused, as it tells an operator nothing",
    "SUSE-FU-2022_0444-1": "valid OSV without a package; refused, as it tells an operator nothing",
    "nopackage-GHSA-9v2f-6vcg-3hgv": "valid OSV that names no package in an entry",
}


def osv_examples(suites):
    """The linter's examples, and what GitHub's advisories become."""
    for path in sorted((suites / "osv" / "linter-testdata").glob("*.json")):
        valid = not osv.problems(_load(path))
        wanted = path.stem not in OSV_WRONG
        yield Case(name=path.stem, right=valid == wanted, reason=OSV_REASONS.get(path.stem, ""))
    for path in sorted((suites / "osv" / "ghsa-testdata").glob("*.osv.json")):
        read = _load(path)
        documents = read if isinstance(read, list) else [read]
        yield Case(name=path.stem, right=not any(map(osv.problems, documents)))


def openvex(suites):
    """The examples, each with the verdict that OpenVEX's own schema gives."""
    import schemas

    schema = schemas.openvex(suites)
    for path in sorted((suites / "openvex").glob("*.json")):
        document = _load(path)
        if path.name != "openvex_json_schema.json" and "sarif" not in path.name:
            valid = not any(openvex_check.faults(document, LATER))
            yield Case(name=path.name, right=valid == schema.is_valid(document))


def cvss_vectors(suites):
    for path in sorted((suites / "cvss").glob("vectors_*")):
        for line in path.read_text().splitlines():
            yield Case(name=f"{path.name} {line}", right=_cvss_right(line))


def _cvss_right(line):
    """A CVSS 3 line gives base, temporal and environmental score; the last needs one metric set."""
    vector, _, expected = line.partition(" - ")
    numbers = [float(number) for number in re.findall(r"[\d.]+", expected)]
    score = cvss.parse(vector)
    if len(numbers) == 1:
        return score.score == numbers[0]
    same = cvss.parse(f"{vector}/MAV:{score.metric('AV')}")
    return [score.base, score.score, same.score] == numbers


STACK_REASONS = {
    "android_null_stack": "the state is the name of the process; we show no invented frame",
    "stack_filtering": "the expected name is longer than the 80 characters of a state",
    "cdb_stack_overflow": "the state comes from the faulting address, not from the stack",
    "centipede_stack_limit_exceeded": "the third element is a path of the build machine",
    "ignore_skia_abort": "an inlined crash helper is expected twice",
}


def stacktraces(suites):
    folder = suites / "clusterfuzz"
    for case in _load(folder / "expected.json"):
        text = (folder / "stacktraces" / case["file"]).read_text("utf-8", "replace")
        right = parse_stack(text).state == tuple(case["crash_state"])
        yield Case(name=case["case"], right=right, reason=STACK_REASONS.get(case["case"], ""))


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """One row of the page."""

    title: str
    what: str
    cases: Callable[[Path], Iterator[Case]]
    count: int
    floor: int
    """How many at least are right; it may only rise."""
    peer: str = ""
    """The best of others that was measured on it."""


@cache
def answered(corpus, suites):
    """Return every case of a corpus, judged once in a process."""
    return tuple(corpus.cases(suites))


CORPORA = (
    Corpus(
        title="CSAF 2.0",
        what="OASIS: does each numbered test find what it should, and nothing else",
        peer="PyPI `csaf` alone: 212 of 217",
        cases=csaf_20,
        count=239,
        floor=230,
    ),
    Corpus(
        title="CSAF 2.1",
        what="OASIS: as above, drafts CSD 02 to 04",
        peer="PyPI `csaf` alone: 810 of 827",
        cases=csaf_21,
        count=856,
        floor=839,
    ),
    Corpus(
        title="Package URL",
        what="ECMA-427: parse, build, validate",
        peer="packageurl-python alone: 333 of 382, validation not tried",
        cases=purl,
        count=586,
        floor=581,
    ),
    Corpus(
        title="VERS",
        what="VERS 1.1: order, equality, containment, grammar, native ranges",
        peer="univers alone: 2,666 of 2,701",
        cases=version_ranges,
        count=2701,
        floor=2691,
    ),
    Corpus(
        title="CycloneDX",
        what="CycloneDX 1.4 to 1.7: examples called valid or invalid",
        cases=cyclonedx,
        count=269,
        floor=269,
    ),
    Corpus(
        title="OSV",
        what="OSV schema: the linter's examples, and what GitHub's advisories become",
        cases=osv_examples,
        count=22,
        floor=20,
    ),
    Corpus(
        title="OpenVEX",
        what="OpenVEX 0.2.0: examples, with the verdict of its own schema",
        cases=openvex,
        count=10,
        floor=10,
    ),
    Corpus(
        title="CVSS",
        what="published vectors of CVSS 3.0, 3.1 and 4.0 with their scores",
        cases=cvss_vectors,
        count=6878,
        floor=6878,
    ),
    Corpus(
        title="Crash stacks",
        what="ClusterFuzz: logs with the states that it computed",
        cases=stacktraces,
        count=159,
        floor=154,
    ),
)
