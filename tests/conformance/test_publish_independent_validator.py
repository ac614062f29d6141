"""An independent implementation of the CSAF 2.0 tests (Node.js) finds nothing in what we publish.

It knows CSAF 2.1 too, but not yet its profiles for withdrawn documents, and its arithmetic takes
CVSS scores such as 9.3 for no multiple of 0.1.
"""

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from advisories import DAY_0, PLAIN, WITHDRAWN, facts
from clearhouse.clearing.publish.record import Documents
from clearhouse.clearing.publish.rules import documents
from clearhouse.formats.tlp import Tlp
from conformance.test_publish_examples import made as examples

PEERS = (
    Path(os.environ.get("CLEARHOUSE_HOME") or Path(__file__).parents[2] / ".clearhouse") / "peers"
)


@pytest.fixture(scope="session")
def validator():
    """Return a function from CSAF documents to what the validator says of each."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("the independent CSAF validator needs node (apt-get install nodejs npm)")
    if not (PEERS / "installed").is_file():
        pytest.skip("the independent CSAF validator is not there; `./clearhouse check` installs it")

    def answers(bodies):
        lines = "".join(json.dumps(json.loads(one)) + "\n" for one in bodies)
        done = subprocess.run(
            [node, "csaf.mjs"],
            input=lines,
            capture_output=True,
            text=True,
            cwd=PEERS,
            timeout=120,
            check=True,
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    return answers


def bodies():
    """Return documents of every label, of withdrawn advisories, of the examples, and of others."""
    wanted = [replace(PLAIN, tlp=tlp) for tlp in Tlp]
    wanted += [replace(PLAIN, exploited_since=DAY_0), *WITHDRAWN.values()]

    @seed(1)
    @settings(
        max_examples=20,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(facts())
    def collect(found):
        wanted.append(found)

    collect()
    made = [*map(documents, wanted), *(answer for _, answer in examples())]
    return [one.bodies["csaf"] for one in made if isinstance(one, Documents)]


def test_an_independent_validator_finds_nothing(validator):
    found = validator(bodies())
    assert len(found) > 30
    assert all(one["ran"] > 30 for one in found)
    assert [fault for one in found for fault in one["faults"]] == []


def test_the_independent_validator_sees_a_fault_when_there_is_one(validator):
    broken = json.loads(documents(PLAIN).bodies["csaf"])
    broken["vulnerabilities"][0]["cwe"]["name"] = "Something else"
    (found,) = validator([json.dumps(broken)])
    assert any("6_1_11" in fault for fault in found["faults"])
