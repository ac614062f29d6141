"""Write docs/conformance.md: what our readers answer to the official corpora, every miss listed.

    .clearhouse/env/bin/python perf/conformance.py [--suites ../shared/suites] [--write FILE]

Needs the extra `advisories` and the official test data beside the project. Takes about ten seconds;
the same data give the same page.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "tests"))

from corpora import CORPORA, Case, Corpus, answered  # noqa: E402 (the tests share the cases)

HEAD = """# Conformance

What our readers answer to the official test data of the field, and every miss. Written by
`perf/conformance.py`; a test fails when this page is not what the readers answer.

| format | cases | right | wrong | not attempted | what is asked | others, as measured |
|---|---|---|---|---|---|---|
"""
MIDDLE = """
What we publish is held against the official schemas of OSV 1.7.5, CSAF 2.0 and 2.1, CVE, OpenVEX
0.2.0 and CycloneDX 1.7, the mandatory tests of CSAF by PyPI `csaf`, and those of CSAF 2.0 by npm
`@secvisogram/csaf-validator-lib`: in `tests/conformance/test_publish_*.py`, for examples and for
advisories made by Hypothesis. The tables of SSVC, the messages of Vultron and the vectors of RFC
9497 have tests of their own beside them.
"""


def page(suites: Path) -> str:
    """Return the page."""
    told = [(corpus, answered(corpus, suites)) for corpus in CORPORA]
    rows = "".join(_row(corpus, cases) for corpus, cases in told)
    misses = "".join(_misses(corpus, cases) for corpus, cases in told)
    return f"{HEAD}{rows}{MIDDLE}{misses}"


def _row(corpus: Corpus, cases: tuple[Case, ...]) -> str:
    counts = Counter(case.right for case in cases)
    cells = [
        corpus.title,
        f"{len(cases):,}",
        f"{counts[True]:,}",
        f"{counts[False]:,}",
        f"{counts[None]:,}",
        corpus.what,
        corpus.peer,
    ]
    return f"| {' | '.join(cells)} |\n"


def _misses(corpus: Corpus, cases: tuple[Case, ...]) -> str:
    wrong = [case for case in cases if not case.right]
    if not wrong:
        return ""
    lines = [f"- `{case.name}`: {_why(case)}" for case in wrong]
    return "\n".join(["", f"## {corpus.title}", "", *lines, ""])


def _why(case: Case) -> str:
    kind = "not attempted" if case.right is None else "wrong"
    return f"{kind}; {case.reason}" if case.reason else kind


def main() -> None:
    """Write the page, or print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suites", type=Path, default=PROJECT.parent / "shared" / "suites")
    parser.add_argument("--write", type=Path, help="file to write; without it, print")
    options = parser.parse_args()
    text = page(options.suites)
    if options.write:
        options.write.write_text(text, "utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
