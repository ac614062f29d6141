"""Facts of advisories for tests: one plain example, and strategies for every other."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from clearhouse.clearing.coordinate.record import Outcome
from clearhouse.clearing.intake.record import Credit
from clearhouse.clearing.publish.record import (
    AdvisoryFacts,
    AiLevel,
    AiModel,
    AiNote,
    AiReview,
    Cna,
    Milestone,
    Publisher,
    Reference,
    ReferenceType,
    Revision,
    VendorWord,
    Withdrawal,
)
from clearhouse.formats.tlp import Tlp

DAY_0 = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
CVSS_4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
CVSS_31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
HOUSE = Publisher(
    name="Example Clearinghouse",
    namespace="https://clearinghouse.example",
    contact="desk@clearinghouse.example",
    drafts=frozenset({"csaf-2.1"}),
    cna=Cna(org_id="0f5c2d1a-94b7-4e0d-8a6e-3b1f4c5d6e7f", short_name="example"),
)

PLAIN = AdvisoryFacts(
    id="CLR-2026-00001",
    purl="pkg:pypi/example-yaml",
    affected_claims=("vers:pypi/>=3.0|<5.4", "5.3.1"),
    fixed_versions=("5.4",),
    software="Example YAML",
    publisher=HOUSE,
    revisions=(Revision(at=DAY_0 + timedelta(days=30), summary="First issue"),),
    mitigations=("Load with the safe loader.",),
    aliases=("CVE-2026-12345", "GHSA-2345-6789-cfgh"),
    cwes=("CWE-502",),
    cvss_vectors=(CVSS_31, CVSS_4),
    credits=(
        Credit(name="Zoë 'null' O\u2019Brien <zoë@example.org>"),
        Credit(name="Lab X", role="tool"),
    ),
    references=(
        Reference(type=ReferenceType.FIX, url="https://example.org/commit/abc"),
        Reference(type=ReferenceType.WEB, url="javascript:alert(1)"),
    ),
    timeline=(Milestone(at=DAY_0, what="Report received"),),
    vendor=VendorWord(outcome=Outcome.FIX_RELEASED, at=DAY_0 + timedelta(days=20)),
    ai=AiNote(
        level=AiLevel.GENERATED,
        review=AiReview.PARTIAL,
        models=(AiModel(name="example-model", version="7"),),
    ),
)

_ENDED = (*PLAIN.revisions, Revision(at=DAY_0 + timedelta(days=50), summary="Withdrawn"))
WITHDRAWN = {
    reason: replace(
        PLAIN,
        revisions=_ENDED,
        withdrawn=Withdrawal(at=_ENDED[-1].at, reason="Seen again.", **more),
    )
    for reason, more in {
        "no vulnerability": {},
        "duplicate": {"duplicate_of": "CLR-2026-00007"},
        "duplicate under another CVE id": {
            "duplicate_of": "CLR-2026-00007",
            "cve_elsewhere": "CVE-2026-54321",
        },
        "duplicate under its CVE id": {
            "duplicate_of": "CLR-2026-00007",
            "cve_elsewhere": "CVE-2026-12345",
        },
    }.items()
}
"""The plain example as it looks when it is withdrawn, by why."""

INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (Hypothesis adds the zone)
ANY_TEXT = st.text(st.characters(codec=None), max_size=60)
"""Every character that Python can hold, half surrogates and controls included."""


def _cvss(prefix, metrics):
    return st.tuples(*(st.sampled_from(values.split()) for values in metrics.values())).map(
        lambda chosen: "/".join(
            [prefix, *(f"{name}:{value}" for name, value in zip(metrics, chosen, strict=True))]
        ).lstrip("/")
    )


V3 = {
    "AV": "N A L P",
    "AC": "L H",
    "PR": "N L H",
    "UI": "N R",
    "S": "U C",
    "C": "H L N",
    "I": "H L N",
    "A": "H L N",
}
V3_MORE = V3 | {
    "E": "X U P F H",
    "RL": "X O T W U",
    "RC": "X U R C",
    "CR": "X L M H",
    "MAV": "X N A L P",
    "MS": "X U C",
    "MC": "X N L H",
}
V4 = {"AV": "N A L P", "AC": "L H", "AT": "N P", "PR": "N L H", "UI": "N P A"} | dict.fromkeys(
    ("VC", "VI", "VA", "SC", "SI", "SA"), "H L N"
)
V2 = {"AV": "N A L", "AC": "L M H", "Au": "N S M", "C": "N P C", "I": "N P C", "A": "N P C"}
VECTORS = st.one_of(
    _cvss("CVSS:3.1", V3),
    _cvss("CVSS:3.0", V3),
    _cvss("CVSS:3.1", V3_MORE),
    _cvss("CVSS:4.0", V4),
    _cvss("CVSS:4.0", {"E": "A P U"} | V4),
    _cvss("", V2),
    ANY_TEXT,
)
NUMBERS = st.tuples(*[st.integers(0, 30)] * 3).map(lambda parts: ".".join(map(str, parts)))
PURLS = st.sampled_from(
    [
        "pkg:pypi/a-b",
        "pkg:npm/%40scope/left",
        "pkg:npm/left",
        "pkg:maven/org.x/y",
        "pkg:golang/example.org/m",
        "pkg:cargo/c",
        "pkg:gem/g",
        "pkg:nuget/N.u",
        "pkg:composer/v/p",
        "pkg:hex/h",
        "pkg:pub/p",
        "pkg:github/curl/curl",
        "pkg:generic/thing",
        "pkg:hackage/h",
        "pkg:deb/debian/bash",
        "pkg:swift/github.com/a/b",
    ]
)


def _type(purl):
    return purl.removeprefix("pkg:").partition("/")[0]


@st.composite
def claims(draw, purl):
    """Affected versions and fixes of one package, most of which make sense together."""
    numbers = sorted(draw(st.lists(NUMBERS, min_size=1, max_size=5, unique=True)), key=_as_numbers)
    shape = draw(st.sampled_from(["points", "range", "up-to", "all", "branches", "mixed"]))
    scheme = _type(purl)
    low, high = numbers[0], numbers[-1]
    if shape == "points":
        return tuple(numbers[:-1] or numbers), tuple(numbers[-1:]) if len(numbers) > 1 else ()
    if shape == "range" and low != high:
        return (f"vers:{scheme}/>={low}|<{high}",), draw(st.sampled_from([(), (high,)]))
    if shape == "up-to":
        return (f"vers:{scheme}/<={high}",), ()
    if shape == "branches" and len(numbers) >= 4:
        return (f"vers:{scheme}/>={numbers[0]}|<{numbers[1]}|>={numbers[2]}|<{numbers[3]}",), draw(
            st.sampled_from([(), (numbers[1],), (numbers[1], numbers[3])])
        )
    if shape == "mixed":
        return (f"vers:{scheme}/>={high}", *numbers), draw(st.lists(NUMBERS, max_size=2).map(tuple))
    return (f"vers:{scheme}/*",), draw(st.lists(NUMBERS, max_size=1).map(tuple))


def _as_numbers(version):
    return [int(part) for part in version.split(".")]


@st.composite
def facts(draw):
    """Return facts of any kind, wild texts included; some of them must be refused."""
    purl = draw(PURLS)
    affected, fixed = draw(claims(purl))
    dates = sorted(draw(st.lists(INSTANTS, min_size=1, max_size=4)))
    past = st.datetimes(
        datetime(2019, 1, 1),  # noqa: DTZ001 (Hypothesis adds the zone)
        dates[-1].replace(tzinfo=None),
        timezones=st.just(UTC),
    )
    level = draw(st.sampled_from(AiLevel))
    return AdvisoryFacts(
        id=f"CLR-{draw(st.integers(2020, 2040))}-{draw(st.integers(1, 10**6)):05d}",
        purl=purl,
        affected_claims=affected,
        fixed_versions=fixed,
        publisher=HOUSE,
        revisions=tuple(Revision(at=at, summary=draw(ANY_TEXT)) for at in dates),
        software=draw(st.none() | ANY_TEXT),
        vendor_name=draw(st.none() | ANY_TEXT),
        aliases=draw(
            st.sampled_from(
                [
                    (),
                    ("CVE-2026-12345",),
                    ("CVE-2026-12345", "GHSA-2345-6789-cfgh", "PYSEC-2026-3", "nonsense"),
                ]
            )
        ),
        cwes=draw(
            st.lists(
                st.sampled_from(["CWE-79", "CWE-502", "CWE-99999", "CWE-x", "CWE-1"]), max_size=3
            ).map(tuple)
        ),
        cvss_vectors=draw(st.lists(VECTORS, max_size=4).map(tuple)),
        summary=draw(st.none() | ANY_TEXT),
        details=draw(st.none() | ANY_TEXT),
        credits=draw(
            st.lists(
                st.builds(
                    Credit,
                    name=ANY_TEXT,
                    role=st.sampled_from(["finder", "remediation-developer", "boss", ""]),
                ),
                max_size=4,
            ).map(tuple)
        ),
        references=draw(
            st.lists(
                st.builds(
                    Reference,
                    type=st.sampled_from(ReferenceType),
                    url=st.just("https://example.org/a?b=c#d")
                    | ANY_TEXT.map(lambda text: "https://example.org/" + text),
                ),
                max_size=3,
            ).map(tuple)
        ),
        timeline=draw(
            st.lists(st.builds(Milestone, at=past, what=ANY_TEXT), max_size=2).map(tuple)
        ),
        vendor=draw(st.none() | st.builds(VendorWord, outcome=st.sampled_from(Outcome), at=past)),
        exploited_since=draw(st.none() | past | INSTANTS),
        ai=draw(
            st.none()
            | st.just(
                AiNote(
                    level=level,
                    review=None if level is AiLevel.NONE else draw(st.sampled_from(AiReview)),
                    models=draw(
                        st.lists(
                            st.builds(AiModel, name=ANY_TEXT, version=st.none() | ANY_TEXT),
                            max_size=2,
                        ).map(tuple)
                    ),
                )
            )
        ),
        tlp=draw(st.sampled_from(Tlp)),
        mitigations=draw(st.lists(ANY_TEXT, max_size=2).map(tuple)),
        related=draw(st.sampled_from([(), ("CLR-2026-00007",)])),
        withdrawn=draw(
            st.none()
            | st.none()
            | st.builds(
                Withdrawal,
                at=st.just(dates[-1]),
                reason=ANY_TEXT,
                duplicate_of=st.sampled_from([None, "CLR-2026-00007"]),
                cve_elsewhere=st.sampled_from([None, "CVE-2026-12345", "CVE-2026-54321"]),
            )
        ),
    )
