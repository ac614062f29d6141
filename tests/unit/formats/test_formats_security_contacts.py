"""security.txt, SECURITY-INSIGHTS, SECURITY.md and registries say whom to tell; bad ones say why not."""

import json
from datetime import UTC, datetime

import pytest

from clearhouse.formats import (
    registry_people,
    security_insights,
    security_policy,
    security_txt,
)
from clearhouse.formats.registry_people import RegistryError
from clearhouse.formats.security_insights import SecurityInsightsError
from clearhouse.formats.security_txt import SecurityTxtError

TXT = b"""# Our security address
Contact: mailto:security@example.org
contact:  https://example.org/report
Contact: not a uri
Expires: 2027-12-31T18:37:07z
Preferred-Languages: en, es
Policy: https://example.org/policy
Encryption: https://example.org/key.txt
Canonical: https://example.org/.well-known/security.txt
"""


def test_a_security_txt_gives_its_contacts_in_their_order_and_names_what_is_wrong():
    found = security_txt.parse(TXT)
    assert found.contacts == ("mailto:security@example.org", "https://example.org/report")
    assert found.expires == datetime(2027, 12, 31, 18, 37, 7, tzinfo=UTC)
    assert (found.languages, found.signed) == (("en", "es"), False)
    assert found.problems == ("a contact that is no URI (RFC 9116 §2.5.3)",)


def test_a_signed_security_txt_is_read_without_its_signature():
    signed = (
        b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nContact: mailto:a@example.org\n"
        b"- Expires: 2027-12-31T00:00:00Z\n-----BEGIN PGP SIGNATURE-----\nContact: mailto:b@x.org\n"
        b"-----END PGP SIGNATURE-----\n"
    )
    found = security_txt.parse(signed)
    assert found.signed
    assert found.contacts == ("mailto:a@example.org",)
    assert found.problems == ()


@pytest.mark.parametrize(
    ("expires", "problem"),
    [
        (b"", "not exactly one"),
        (b"Expires: soon\n", "that is none"),
        (b"Expires: 2027-12-31T00:00:00\n", "without a zone"),
        (b"Expires: 2027-12-31T00:00:00Z\n" * 2, "not exactly one"),
    ],
)
def test_a_security_txt_without_one_time_of_expiry_says_so(expires, problem):
    found = security_txt.parse(b"Policy: https://example.org/\n" + expires)
    assert found.expires is None
    assert any(problem in one for one in found.problems)
    assert any("no contact" in one for one in found.problems)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"x" * 40_000])
def test_what_is_no_security_txt_is_refused(data):
    with pytest.raises(SecurityTxtError):
        security_txt.parse(data)


FIRST = b"""
header: {schema-version: 1.0.0}
security-contacts:
  - {type: email, value: psirt@example.org}
  - {type: website, value: https://example.org/report}
vulnerability-reporting:
  accepts-vulnerability-reports: true
  email-contact: security@example.org
  security-policy: https://example.org/SECURITY.md
"""
SECOND = b"""
header: {schema-version: 2.0.0, url: https://example.org}
project:
  administrators:
    - {name: Ada, email: ada@example.org, primary: true}
    - {name: Bob, email: bob@example.org, primary: false}
  vulnerability-reporting:
    reports-accepted: false
    bug-bounty-available: false
    contact: {name: Security, email: security@example.org, primary: true}
"""


def test_both_versions_of_security_insights_are_read():
    first = security_insights.parse(FIRST)
    assert first.contacts == (
        "security@example.org",
        "psirt@example.org",
        "https://example.org/report",
    )
    assert (first.accepts_reports, first.policy) == (True, "https://example.org/SECURITY.md")
    second = security_insights.parse(SECOND)
    assert second.contacts == ("security@example.org", "ada@example.org")
    assert (second.accepts_reports, second.version) == (False, "2.0.0")


@pytest.mark.parametrize(
    "data",
    [b"{", b"[]", b"header: {schema-version: 3.0.0}", b"x: " + b"[" * 300_000, b"\xff\xfe\x00"],
)
def test_what_is_no_security_insights_is_refused(data):
    with pytest.raises(SecurityInsightsError):
        security_insights.parse(data)


def test_fields_of_the_wrong_kind_are_passed_over():
    odd = b"header: {schema-version: 1.0.0}\nvulnerability-reporting: 7\nsecurity-contacts: [1, {}]"
    assert security_insights.parse(odd).contacts == ()
    odd = b"header: {schema-version: 2.0.0}\nproject: {administrators: x}"
    assert security_insights.parse(odd).accepts_reports is None


def test_prose_gives_addresses_for_reports_before_others():
    text = """# Security
Ask questions at hello@project.dev or read conduct@project.dev.
Please report vulnerabilities to security [at] project [dot] dev,
or at https://github.com/project/tool/security/advisories/new.
Write nothing to noreply@project.dev or to you@example.com.
"""
    assert security_policy.contacts(text) == (
        "security@project.dev",
        "https://github.com/project/tool/security/advisories/new",
        "hello@project.dev",
    )
    assert security_policy.contacts("Tell us.") == ()


def test_registries_name_repository_and_people():
    info = {
        "home_page": "https://tool.example.org",
        "author_email": "Ada <ada@example.org>",
        "maintainer_email": None,
        "project_urls": {
            "Source": "https://github.com/project/tool.git",
            "Security": "https://tool.example.org/security",
            "Issues": "https://github.com/project/tool/issues",
        },
    }
    pypi = registry_people.parse_pypi(json.dumps({"info": info}).encode())
    assert pypi.repository == "https://github.com/project/tool"
    assert pypi.security == ("https://tool.example.org/security",)
    assert pypi.people == ("ada@example.org",)
    assert pypi.home_page == "https://tool.example.org"
    npm = registry_people.parse_npm(
        json.dumps(
            {
                "name": "tool",
                "repository": {"url": "git+ssh://git@github.com/project/tool.git"},
                "bugs": {"email": "bugs@example.org", "url": "https://example.org/bugs"},
                "maintainers": [{"name": "a", "email": "a@example.org"}, "odd"],
                "homepage": "https://tool.example.org",
            }
        ).encode()
    )
    assert npm.repository == "https://github.com/project/tool"
    assert npm.faults == ("bugs@example.org", "https://example.org/bugs")
    assert npm.people == ("a@example.org",)
    short = registry_people.parse_npm(b'{"name": "t", "repository": "github:project/tool"}')
    assert short.repository == "https://github.com/project/tool"
    bare = registry_people.parse_pypi(b'{"info": {"project_urls": null}}')
    assert (bare.repository, bare.home_page, bare.people) == (None, None, ())


@pytest.mark.parametrize("data", [b"{", b"[]", b"{}", b"[" * 100_000])
def test_what_is_no_package_is_refused(data):
    for read in (registry_people.parse_pypi, registry_people.parse_npm):
        with pytest.raises(RegistryError):
            read(data)
