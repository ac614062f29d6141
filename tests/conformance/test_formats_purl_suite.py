"""The official package-url cases; the floor may only rise."""

import json

from clearhouse.formats.purl import PurlError, build, parse

CASES = 586
FLOOR = 581
PARTS = ("type", "namespace", "name", "version", "qualifiers", "subpath")


def test_at_least_the_agreed_number_of_official_cases_is_right(suites):
    files = sorted((suites / "purl" / "tests").rglob("*.json"))
    cases = [(path.stem, case) for path in files for case in json.loads(path.read_text())["tests"]]
    wrong = [
        f"{name}: {case['test_type']} {case['input']}" for name, case in cases if not right(case)
    ]
    print(
        f"package-url: {len(cases) - len(wrong)} of {len(cases)} right; wrong:", *wrong, sep="\n  "
    )
    assert len(cases) == CASES
    assert len(cases) - len(wrong) >= FLOOR


def right(case):
    try:
        found = run(case["test_type"], case["input"])
    except PurlError:
        return bool(case.get("expected_failure"))
    if case.get("expected_failure"):
        return False
    expected = case["expected_output"]
    return found == (expected if isinstance(expected, str) else plain(expected))


def run(kind, given):
    if kind == "build":
        return str(build(**{part: given.get(part) for part in PARTS}))
    purl = parse(given)
    return plain({part: getattr(purl, part) for part in PARTS}) if kind == "parse" else str(purl)


def plain(parts):
    qualifiers = dict(parts.get("qualifiers") or {})
    return {part: parts.get(part) or None for part in PARTS} | {"qualifiers": qualifiers or None}
