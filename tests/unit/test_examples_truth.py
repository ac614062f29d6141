"""The example reports say what truth.json says about them, and break no rule of their formats."""

import email
import email.policy
import hashlib
import itertools
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from clearhouse.clearing.deconflict.known import Known
from clearhouse.clearing.match.keys import patch_id
from clearhouse.formats import tap
from clearhouse.formats.tap_record import TapReport

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TRUTH = json.loads((EXAMPLES / "truth.json").read_text(encoding="utf-8"))
REPORTS = TRUTH["reports"]
GENUINE = [row for row in REPORTS if row["invented"] is None]
INVENTED = [row for row in REPORTS if row["invented"] is not None]
FILES = sorted((EXAMPLES / "reports").iterdir())
PATCH_FILE = re.compile(r"\.(?:patch|diff)$")
FORMATS = (".tap.json", ".osv.json", ".csaf.json", ".sarif", ".ghsa.json", ".md", ".txt", ".eml")
ADDRESS = re.compile(r"[\w.+-]+@(?:[\w-]+\.)+[a-z]{2,}\b")
RESERVED = re.compile(r"@(?:[\w-]+\.)*(?:example\.(?:org|net|com)|example|invalid)$")


def named(rows: list[dict]) -> list[str]:
    return [f"{row['file'].split('/')[1][:2]}.{row['index']}" for row in rows]


def files_inside(path: Path) -> Iterator[tuple[str, bytes]]:
    """Give the files that a report carries, without the readers of the house."""
    if path.name.endswith(".tap.json"):
        for attachment in json.loads(path.read_bytes()).get("attachments", []):
            yield attachment["filename"], attachment["data"].encode()
    if path.suffix == ".eml":
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for part in message.iter_attachments():
            yield part.get_filename(), part.get_payload(decode=True)


def words(path: Path) -> str:
    if path.suffix != ".eml":
        return path.read_text(encoding="utf-8")
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    return message.get_body(("plain",)).get_content()


def clusters(rows: list[dict]) -> int:
    """Count what is left when the genuine reports that share a key are one finding."""
    parents = list(range(len(rows)))

    def root(index: int) -> int:
        while parents[index] != index:
            index = parents[index]
        return index

    for left, right in itertools.combinations(range(len(rows)), 2):
        one, other = rows[left], rows[right]
        same = one["vulnerability"] and one["vulnerability"] == other["vulnerability"]
        if same and set(one["merge_keys"]) & set(other["merge_keys"]):
            parents[root(right)] = root(left)
    return len({root(index) for index in range(len(rows))})


def test_every_report_file_is_in_the_truth_and_nothing_else() -> None:
    assert sorted({row["file"] for row in REPORTS}) == [f"reports/{path.name}" for path in FILES]


def test_reports_of_one_file_are_counted_from_zero() -> None:
    places = defaultdict(list)
    for row in REPORTS:
        places[row["file"]].append(row["index"])
    assert all(found == list(range(len(found))) for found in places.values())


def test_expected_numbers_follow_from_the_rows() -> None:
    assert TRUTH["expected"] == {
        "reports": len(REPORTS),
        "vulnerabilities": len({row["vulnerability"] for row in GENUINE}),
        "findings_after_proven_merges": clusters(REPORTS),
        "invented": len(INVENTED),
        "refutable_without_source": sum(
            row["invented"]["refutable_without_source"] for row in INVENTED
        ),
    }


def test_there_is_enough_of_everything() -> None:
    expected = TRUTH["expected"]
    assert expected["reports"] >= 64
    assert expected["vulnerabilities"] >= 22
    assert expected["invented"] == 10
    assert expected["refutable_without_source"] >= 5


@pytest.mark.parametrize("ending", FORMATS)
def test_each_format_comes_more_than_once(ending: str) -> None:
    assert sum(path.name.endswith(ending) for path in FILES) >= 2


def test_csaf_comes_in_both_versions_and_sarif_with_several_groups() -> None:
    versions = Counter(
        json.loads(path.read_bytes())["document"]["csaf_version"]
        for path in FILES
        if path.name.endswith(".csaf.json")
    )
    assert versions["2.0"] >= 2
    assert versions["2.1"] >= 2
    groups = Counter(row["file"] for row in REPORTS if row["file"].endswith(".sarif"))
    assert max(groups.values()) >= 2


@pytest.mark.parametrize("row", GENUINE, ids=named(GENUINE))
def test_a_genuine_report_names_the_package_of_its_vulnerability(row: dict) -> None:
    assert TRUTH["vulnerabilities"][row["vulnerability"]]["package"] == row["purl"]


@pytest.mark.parametrize("row", INVENTED, ids=named(INVENTED))
def test_an_invented_report_belongs_to_no_vulnerability_and_has_a_reason(row: dict) -> None:
    assert row["vulnerability"] is None
    assert row["merge_keys"] == []
    assert len(row["invented"]["expected_reason"]) > 20


def test_the_invented_reports_are_wrong_in_ten_ways() -> None:
    assert len({row["invented"]["kind"] for row in INVENTED}) == 10


@pytest.mark.parametrize("row", GENUINE, ids=named(GENUINE))
def test_a_merge_key_is_really_in_the_report(row: dict) -> None:
    path = EXAMPLES / row["file"]
    carried = dict(files_inside(path))
    digests = {hashlib.sha256(data).hexdigest() for data in carried.values()}
    for key in row["merge_keys"]:
        kind, _, value = key.partition(":")
        if kind == "id":
            assert value in words(path)
        elif kind == "poc":
            assert value in digests
        else:
            assert any(PATCH_FILE.search(name) for name in carried)


def test_a_shared_proof_is_long_enough_to_prove_anything() -> None:
    for path in FILES:
        for name, data in files_inside(path):
            if not PATCH_FILE.search(name) and name.endswith((".py", ".js", ".yml", ".ini")):
                assert len(data) >= 64, f"{path.name}: {name}"


def test_reports_with_the_same_patch_key_carry_the_same_changes() -> None:
    found = defaultdict(set)
    for row in GENUINE:
        keys = [key for key in row["merge_keys"] if key.startswith("patch:")]
        patches = [d for n, d in files_inside(EXAMPLES / row["file"]) if PATCH_FILE.search(n)]
        assert len(keys) == len(patches), row["file"]
        for key, data in zip(keys, patches, strict=True):
            found[key].add(patch_id(data))
    assert all(len(identities) == 1 and None not in identities for identities in found.values())
    assert len({next(iter(identities)) for identities in found.values()}) == len(found)


def test_no_key_is_shared_by_two_vulnerabilities() -> None:
    owners = defaultdict(set)
    for row in GENUINE:
        for key in row["merge_keys"]:
            owners[key].add(row["vulnerability"])
    assert {key: names for key, names in owners.items() if len(names) > 1} == {}


def test_a_third_of_the_vulnerabilities_has_its_id_in_two_reports() -> None:
    counts = Counter(
        (row["vulnerability"], key)
        for row in GENUINE
        for key in row["merge_keys"]
        if key.startswith("id:")
    )
    twice = {vulnerability for (vulnerability, _), count in counts.items() if count > 1}
    assert 3 * len(twice) >= len(TRUTH["vulnerabilities"])


def test_some_packages_have_two_flaws_of_one_weakness() -> None:
    pairs = Counter((v["package"], v["cwe"]) for v in TRUTH["vulnerabilities"].values())
    assert sum(count > 1 for count in pairs.values()) >= 2


def test_one_genuine_and_one_invented_report_give_orders_to_the_reader() -> None:
    orders = [row for row in REPORTS if row.get("carries_instructions")]
    assert sorted(row["invented"] is None for row in orders) == [False, True]
    for row in orders:
        text = words(EXAMPLES / row["file"]).lower()
        assert "critical" in text
        assert re.search(r"ignore\s+your\s+rules|disregard\s+your\s+previous", text)


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.name.endswith(".tap.json")], ids=lambda path: path.name
)
def test_a_tap_file_obeys_the_contract(path: Path) -> None:
    assert isinstance(tap.read(path.read_bytes(), "application/json"), TapReport)


def test_local_knowledge_is_whole_and_covers_some_of_the_vulnerabilities() -> None:
    known = Known.load(EXAMPLES / "known")
    assert known.damage == ()
    public = [name for name, v in TRUTH["vulnerabilities"].items() if known.by_id(v["ids"][0])]
    assert 10 <= len(public) < len(TRUTH["vulnerabilities"])
    assert len(public) == len(known.vulnerabilities)


@pytest.mark.parametrize("name", sorted(TRUTH["vulnerabilities"]))
def test_local_knowledge_agrees_with_the_truth(name: str) -> None:
    known, truth = Known.load(EXAMPLES / "known"), TRUTH["vulnerabilities"][name]
    assert truth["fixed"] in (known.releases(truth["package"]) or ())
    record = known.by_id(truth["ids"][0])
    if record is not None:
        assert set(record.ids) == set(truth["ids"])
        assert truth["cwe"] in record.cwes
        assert [package.purl for package in record.packages] == [truth["package"]]
        assert truth["fixed"] in record.packages[0].fixed


def test_known_exploitation_is_about_two_of_the_vulnerabilities() -> None:
    known = Known.load(EXAMPLES / "known")
    exploited = {n for n, v in TRUTH["vulnerabilities"].items() if known.kev(v["ids"])}
    assert exploited == {"V29", "V30"}


def test_every_person_writes_from_a_domain_reserved_for_examples() -> None:
    texts = [EXAMPLES / "vendors.yaml", EXAMPLES / "README.md", *FILES]
    found = {a for path in texts for a in ADDRESS.findall(path.read_text(encoding="utf-8"))}
    assert found
    assert {address for address in found if not RESERVED.search(address)} == set()


def test_vendors_answer_about_reports_on_their_own_packages() -> None:
    vendors = yaml.safe_load((EXAMPLES / "vendors.yaml").read_text(encoding="utf-8"))["vendors"]
    rows = {(row["file"], row["index"]): row for row in REPORTS}
    answers = [(v, answer) for v in vendors for answer in v.get("answers", ())]
    assert len(vendors) >= 12
    assert len(answers) >= 8
    for vendor, answer in answers:
        row = rows[answer["report"], answer.get("index", 0)]
        assert row["purl"] in vendor["packages"]
        assert answer["outcome"] in {"accepted", "rejected", "needs-info"}
        assert re.fullmatch(r"P[+-]\d{1,3}D", answer.get("publication", "P+0D"))
        if answer["outcome"] == "accepted":
            assert answer["fixed"] == TRUTH["vulnerabilities"][row["vulnerability"]]["fixed"]


def test_some_agreed_publications_are_over_and_some_are_not() -> None:
    text = (EXAMPLES / "vendors.yaml").read_text(encoding="utf-8")
    assert re.search(r"publication: P-\d+D", text)
    assert re.search(r"publication: P\+\d+D", text)
