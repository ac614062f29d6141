import base64
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.clearing.validate.record import (
    Claim,
    ClaimCheck,
    ClaimResult,
    Doubt,
    InputHash,
    Level,
    Limit,
    Verdict,
    VerdictKind,
)
from clearhouse.clearing.validate.statement import PAYLOAD_TYPE, sign, verify
from clearhouse.formats.canonical import canonical_bytes
from clearhouse.formats.dsse import UntrustedEnvelopeError, seal

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
VERDICT = Verdict(
    level=Level.E3,
    kind=VerdictKind.INCONCLUSIVE,
    doubt=Doubt.FLAKY,
    reason="fired in 2 of 3 runs",
    checks=(
        ClaimCheck(
            claim=Claim.SYMBOL,
            subject="words from the report",
            result=ClaimResult.HOLDS,
            reason="also words",
        ),
    ),
    not_established=("Not established: that the observation repeats.",),
    inputs=(InputHash(name="bundle", sha256="ab" * 32),),
    limits=(Limit(name="memory", value="1 bytes", enforced_by=None),),
    rules="reproduce/1",
    decided_at=datetime(2026, 11, 23, tzinfo=UTC),
)


def test_an_outsider_verifies_a_verdict_with_the_public_key_alone():
    envelope = json.loads(json.dumps(sign(VERDICT, [KEY])))
    found = verify(envelope, [KEY.public_key()])
    assert found.subjects == (("bundle", "ab" * 32),)
    assert found.predicate["verdict"] == "inconclusive"
    assert found.predicate["level"] == "E3"
    assert found.predicate["established"] == ["E0", "E1", "E3"]
    assert found.predicate["limits"] == [{"name": "memory", "value": "1 bytes", "enforcedBy": None}]


def test_the_words_of_the_report_do_not_travel_with_the_verdict():
    payload = base64.b64decode(sign(VERDICT, [KEY])["payload"])
    assert b"words" not in payload


def test_a_changed_verdict_or_another_key_is_not_believed():
    envelope = dict(sign(VERDICT, [KEY]))
    with pytest.raises(UntrustedEnvelopeError):
        verify(envelope, [OTHER.public_key()])
    payload = base64.b64decode(envelope["payload"]).replace(b"inconclusive", b"reproduced")
    envelope["payload"] = base64.b64encode(payload).decode()
    with pytest.raises(UntrustedEnvelopeError):
        verify(envelope, [KEY.public_key()])


def test_a_signed_envelope_of_something_else_is_no_verdict():
    other = seal(canonical_bytes({"_type": "x"}), PAYLOAD_TYPE, [KEY])
    with pytest.raises(UntrustedEnvelopeError, match="no verdict"):
        verify(other, [KEY.public_key()])
    foreign = seal(b"{}", "text/plain", [KEY])
    with pytest.raises(UntrustedEnvelopeError, match="no in-toto"):
        verify(foreign, [KEY.public_key()])


def test_a_verdict_about_nothing_is_not_signed():
    with pytest.raises(ValueError, match="without inputs"):
        sign(replace(VERDICT, inputs=()), [KEY])
