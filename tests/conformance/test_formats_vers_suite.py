"""The official version-range cases; the floor may only rise."""

import json
from functools import cmp_to_key

from clearhouse.formats.vers import VersError, compare, parse
from clearhouse.formats.vers_native import from_native

CASES = 2701
FLOOR = 2687


def test_at_least_the_agreed_number_of_official_cases_is_right(suites):
    files = sorted((suites / "vers" / "tests").glob("*.json"))
    cases = [(path.stem, case) for path in files for case in json.loads(path.read_text())["tests"]]
    wrong = [
        f"{name}: {case['test_type']} {case['input']}" for name, case in cases if not right(case)
    ]
    print(f"vers: {len(cases) - len(wrong)} of {len(cases)} right; wrong:", *wrong, sep="\n  ")
    assert len(cases) == CASES
    assert len(cases) - len(wrong) >= FLOOR


def right(case):
    try:
        found = RUN[case["test_type"]](case["input"])
    except VersError:
        return bool(case.get("expected_failure"))
    return not case.get("expected_failure") and found == case["expected_output"]


def comparison(given):
    scheme = given["input_scheme"]
    order = cmp_to_key(lambda first, second: compare(scheme, first, second))
    return sorted(given["versions"], key=order)


def equality(given):
    return compare(given["input_scheme"], *given["versions"]) == 0


def canonical_parse(given):
    found = parse(given, canonical=True)
    pairs = [[one.comparator, one.version] for one in found.constraints]
    return {"scheme": found.scheme, "version_constraints": pairs}


RUN = {
    "comparison": comparison,
    "equality": equality,
    "from_native": lambda given: str(from_native(given["scheme"], given["native_range"])),
    "containment": lambda given: parse(given["vers"]).contains(given["version"]),
    "validate": lambda given: str(parse(given)),
    "parse": canonical_parse,
}
