"""Cases handed to other systems, each played by a server that demands what the real one does."""

import contextlib
import email
import email.policy
import http.server
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from clearhouse.clearing.coordinate.relay.adapters import github, mail, tap, vince
from clearhouse.clearing.coordinate.relay.adapters.way import Refusal, Taken, Way, provenance_text
from clearhouse.clearing.coordinate.relay.record import Peer, PeerKind
from clearhouse.formats import tap as tap_format
from clearhouse.formats.relay import (
    Claim,
    Envelope,
    Finder,
    Hop,
    Kind,
    Original,
    Provenance,
    Terms,
)
from clearhouse.formats.tap_record import TapReport
from clearhouse.formats.tlp import Tlp
from clearhouse.kernel.outside import Outside, OutsideError, UnclearError
from smtp_house import mail_server

NOW = datetime(2026, 11, 27, tzinfo=UTC)
TEXT = b"""# Overflow in the tree loader

- Package: pkg:pypi/trees
- Affected: < 2.4
- CWE: CWE-787

The loader trusts the length in the header.
"""
ENVELOPE = Envelope(
    id="env_a", kind=Kind.CASE, at=NOW, sender="nod_a", recipient="x", handle="hnd_a", answers=None,
    sequence=1, tlp=Tlp.RED, claims=(Claim(by="House a", reports=2),),
    terms=(Terms(until=NOW + timedelta(days=9), rule="default-30", set_by="House a", at=NOW),
           Terms(until=None, rule="none", set_by="x", at=NOW)),
    originals=(Original(data=TEXT, filename="report.md", provenance=Provenance(
        finders=(Finder(name="Zo\u00eb Finder", role="finder"),),
        reporters=(Hop(name="Lab", at=NOW), Hop(name="House a", at=NOW, reference="hnd_a")),
        origins=("urn:clearhouse:nod_a:hnd_a",))),),
)  # fmt: skip


class Simulator(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, dict(self.headers.items()), body))
        status, answer = self.server.answers(self.path, self.headers, body)
        if status is None:
            return self.connection.close()
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())
        return None

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def simulated(answers):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Simulator)
    server.asked, server.answers = [], answers
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        server.address = f"http://127.0.0.1:{server.server_address[1]}"
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def way(kind, address, app=None, secret="SECRET-TOKEN"):
    peer = Peer(
        peer_id="per_x", kind=kind, name="x", party_id="pty_x", actor_id="act_x", node_id=None,
        address=address, sends_up_to=Tlp.RED, takes_up_to=Tlp.RED, enrolled_at=NOW,
        document_at=None, revoked_at=None, compartment="cmp_x",
    )  # fmt: skip
    outside = Outside(desk_address="http://127.0.0.1:1", house_name="House a")
    return Way(peer=peer, outside=outside, keys=None, secret=secret, now=NOW)


def form_of(headers, body):
    text = b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body
    parts = email.message_from_bytes(text, policy=email.policy.HTTP).iter_parts()
    return {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in parts
    }


_REQUIRED = ("product_name", "product_version", "vul_description", "vul_exploit", "vul_impact",
             "vul_discovery")  # fmt: skip


def vince_answers(path, headers, body):
    """As the form behind VINCE's API judges."""
    if path != "/vince/comm/api/vulreport/" or headers["Authorization"] != "Token SECRET-TOKEN":
        return 401, {}
    form = form_of(headers, body)
    if not all(form.get(name, b"").strip() for name in _REQUIRED):
        return 400, {"errors": {}}
    asked = ("share_release", "credit_release", "comm_attempt", "multiplevendors", "ics_impact",
             "ai_ml_system", "vul_public", "vul_exploited", "vul_disclose", "cisa_please")  # fmt: skip
    if not all(form[name] in {b"True", b"False"} for name in asked):
        return 400, {"errors": {}}
    return 201, {"status": "success", "vrf_id": "VRF#26-11-ABCDE"}


def test_vince_takes_a_case_with_its_original_as_the_file_and_gives_its_number():
    with simulated(vince_answers) as server:
        done = vince.send(way(PeerKind.VINCE, server.address), ENVELOPE)
    assert done == Taken(reference="VRF#26-11-ABCDE")
    _, headers, body = server.asked[0]
    form = form_of(headers, body)
    assert form["user_file"] == TEXT
    assert form["product_name"] == b"pkg:pypi/trees"
    assert form["tracking"] == b"hnd_a"
    assert "Zo\u00eb Finder" in form["comments"].decode()
    assert b"Conveyed by: Lab -> House a [hnd_a]" in form["vul_description"]
    assert form["disclosure_plans"] == b"embargo until 2026-12-06 00:00 UTC"


def github_answers(path, headers, body):
    """As GitHub's documentation of the operation says."""
    if headers["Authorization"] != "Bearer SECRET-TOKEN":
        return 401, {}
    said = json.loads(body)
    if path != "/repos/o/r/security-advisories/reports":
        return 404, {}
    allowed = {"summary", "description", "vulnerabilities", "cwe_ids", "severity",
               "cvss_vector_string", "start_private_fork"}  # fmt: skip
    fine = said.keys() <= allowed and 0 < len(said["summary"]) <= 1024
    if not fine or ("severity" in said and "cvss_vector_string" in said):
        return 422, {}
    return 201, {"ghsa_id": "GHSA-aaaa-bbbb-cccc", "html_url": "https://github.test/x"}


def test_github_takes_a_private_report_and_gives_its_advisory():
    with simulated(github_answers) as server:
        done = github.send(way(PeerKind.GITHUB, f"{server.address}/repos/o/r"), ENVELOPE)
        gone = github.send(way(PeerKind.GITHUB, f"{server.address}/repos/o/none"), ENVELOPE)
    assert done == Taken(reference="GHSA-aaaa-bbbb-cccc")
    assert gone == Refusal(code="not-taken")
    said = json.loads(server.asked[0][2])
    assert said["vulnerabilities"][0]["package"] == {"ecosystem": "pip", "name": "trees"}
    assert said["cwe_ids"] == ["CWE-787"]
    assert "Credit: Zo\u00eb Finder (finder)" in said["description"]
    assert server.asked[0][1]["X-GitHub-Api-Version"] == "2022-11-28"


@pytest.mark.parametrize(("draft", "expected"), [
    (b"# A flaw\n\nIt crashes.\n", set()),
    (json.dumps({
        "summary": "s", "ghsa_id": "GHSA-x", "severity": "high", "cwe_ids": ["CWE-1"],
        "vulnerabilities": [{"package": {"ecosystem": "npm", "name": "@a/b"},
                             "patched_versions": "2.0", "vulnerable_functions": ["f"]}],
    }).encode(), {"severity", "cwe_ids", "vulnerabilities"}),
])  # fmt: skip
def test_a_report_for_github_holds_what_its_draft_has_and_no_more(draft, expected):
    original = replace(ENVELOPE.originals[0], data=draft, filename=None)
    said = github.report(replace(ENVELOPE, originals=(original,)))
    assert set(said) - {"summary", "description", "start_private_fork"} == expected


def tap_answers(_path, headers, body):
    if headers["Authorization"] != "Bearer SECRET-TOKEN":
        return 401, {}
    found = tap_format.read(body, headers["Content-Type"])
    if not isinstance(found, TapReport):
        return found.status, found.document()
    return 202, {"receipt": "SUB-aaaaaaaaaaaaaaaaaa"}


def test_an_intake_that_speaks_tap_takes_the_original_and_the_provenance_as_attachments():
    with simulated(tap_answers) as server:
        done = tap.send(way(PeerKind.TAP, server.address), ENVELOPE)
    assert done == Taken(reference="SUB-aaaaaaaaaaaaaaaaaa")
    _, headers, body = server.asked[0]
    found = tap_format.read(body, "application/json")
    assert found.attachments[0].data == TEXT
    assert b"Zo\xc3\xab Finder" in found.attachments[1].data
    assert headers["Idempotency-Key"] == "env_a"


def test_what_tap_would_refuse_is_not_even_asked():
    nameless = replace(ENVELOPE.originals[0], data=b"# A flaw\n\nIt crashes.\n")
    large = replace(ENVELOPE.originals[0], data=TEXT + b"x" * (1 << 20))
    for one in (nameless, large):
        with simulated(tap_answers) as server:
            done = tap.send(way(PeerKind.TAP, server.address), replace(ENVELOPE, originals=(one,)))
            assert (done, server.asked) == (Refusal(code="not-taken"), [])


SENDERS = [
    (vince, PeerKind.VINCE, ""),
    (github, PeerKind.GITHUB, "/repos/o/r"),
    (tap, PeerKind.TAP, ""),
]


@pytest.mark.parametrize(("adapter", "kind", "path"), SENDERS)
def test_nothing_but_a_case_goes_to_a_system_that_takes_reports(adapter, kind, path):
    words = replace(ENVELOPE, kind=Kind.MESSAGE)
    assert adapter.send(way(kind, f"http://127.0.0.1:9{path}"), words) == Refusal(code="not-taken")


@pytest.mark.parametrize(("adapter", "kind", "path"), SENDERS)
def test_a_token_that_is_refused_can_be_mended_and_what_broke_off_is_unclear(adapter, kind, path):
    with simulated(lambda *_: (401, {})) as server, pytest.raises(OutsideError, match="401"):
        adapter.send(way(kind, server.address + path), ENVELOPE)
    with simulated(lambda *_: (None, {})) as server, pytest.raises(UnclearError):
        adapter.send(way(kind, server.address + path), ENVELOPE)
    with pytest.raises(OutsideError) as nobody:
        adapter.send(way(kind, f"http://127.0.0.1:9{path}"), ENVELOPE)
    assert not isinstance(nobody.value, UnclearError)


@pytest.mark.parametrize(("adapter", "kind"), [(vince, PeerKind.VINCE), (tap, PeerKind.TAP)])
def test_a_fault_of_the_other_side_leaves_open_whether_it_has_it_and_a_refusal_does_not(
    adapter, kind
):
    with simulated(lambda *_: (500, {})) as server, pytest.raises(UnclearError):
        adapter.send(way(kind, server.address), ENVELOPE)
    with simulated(lambda *_: (400, {})) as server:
        assert adapter.send(way(kind, server.address), ENVELOPE) == Refusal(code="not-taken")


def test_mail_carries_the_original_as_it_came_when_it_may_travel_in_the_clear():
    with mail_server() as server:
        to = way(PeerKind.MAIL, "psirt@else.test")
        outside = Outside(desk_address="https://d", mail=server.address, sender="h@house.test")
        to = replace(to, outside=outside)
        free = replace(ENVELOPE, tlp=Tlp.GREEN)
        assert mail.send(to, free) == Taken()
        assert mail.send(to, ENVELOPE) == Refusal(code="tlp-too-strict")
        assert mail.send(to, replace(free, kind=Kind.STATUS)) == Refusal(code="not-taken")
    (letter,) = (
        email.message_from_bytes(one, policy=email.policy.default) for one in server.letters
    )
    assert letter["Message-ID"] == "<env_a@house.test>"
    assert "hnd_a" in letter["Subject"]
    assert "Credit: Zo\u00eb Finder" in letter.get_body().get_content()
    (file,) = letter.iter_attachments()
    assert file.get_content().replace(b"\r\n", b"\n") == TEXT


def test_the_provenance_block_says_who_conveyed_it_on_which_terms_and_claims_as_hints():
    text = provenance_text(ENVELOPE)
    assert "Embargo: until 2026-12-06 00:00 UTC, set by House a (default-30)" in text
    assert "Embargo: no embargo, set by x (none)" in text
    assert "Hint, not checked here: House a takes 2 reports for one" in text
    assert f"Original: SHA-256 {ENVELOPE.originals[0].sha256}" in text
    assert "Label: TLP:RED" in text
