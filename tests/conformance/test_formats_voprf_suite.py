"""The vectors of RFC 9497 for ristretto255-SHA512, all three modes, byte by byte."""

import json

import pytest

from clearhouse.formats import voprf
from clearhouse.formats.voprf import Evaluated, Mode


def test_every_vector_of_our_suite_gives_the_published_bytes(suites):
    published = json.loads((suites / "voprf" / "rfc9497-vectors.json").read_text("utf-8"))
    ours = [one for one in published if one["identifier"] == voprf.SUITE]
    assert sorted(one["mode"] for one in ours) == [Mode.OPRF, Mode.VOPRF, Mode.POPRF]
    checked = [_check(one, vector) for one in ours for vector in one["vectors"]]
    assert len(checked) == 2 + 3 + 3


def _check(group, vector):
    mode = Mode(group["mode"])
    secret = voprf.derive_key(_bytes(group["seed"]), _bytes(group["keyInfo"]), mode)
    assert secret == _bytes(group["skSm"])
    texts, scalars, elements, answers, outputs = (
        [_bytes(part) for part in vector[name].split(",")]
        for name in ("Input", "Blind", "BlindedElement", "EvaluationElement", "Output")
    )
    blinded = [
        voprf.blind(text, mode, scalar=scalar) for text, scalar in zip(texts, scalars, strict=True)
    ]
    assert [one.element for one in blinded] == elements
    info = _bytes(vector.get("Info", ""))
    nonce = _bytes(vector["Proof"]["r"]) if "Proof" in vector else None
    evaluated = voprf.evaluate(secret, elements, mode, info=info, nonce=nonce)
    assert list(evaluated.elements) == answers
    if mode is not Mode.OPRF:
        public = _bytes(group["pkSm"])
        assert voprf.public_key(secret) == public
        assert evaluated.proof == _bytes(vector["Proof"]["proof"])
        voprf.verify(public, elements, evaluated, mode, info=info)
    for text, one, answer, output in zip(texts, blinded, answers, outputs, strict=True):
        assert voprf.finalize(text, one, answer, mode, info=info) == output
        assert voprf.evaluate_openly(secret, text, mode, info=info) == output
    return vector


def test_another_implementation_accepts_our_proofs_and_we_accept_its():
    other = pytest.importorskip("voprf").ristretto
    seed = bytes(range(32))
    secret = voprf.derive_key(seed, b"")
    theirs = other.Evaluator(seed)
    assert theirs.public_key.serialize() == voprf.public_key(secret)
    client, question = other.Client.blind(b"input")
    ours = voprf.evaluate(secret, [question.serialize()])
    answer = other.VerifiableOutput.deserialize(ours.proof + ours.elements[0])
    output = client.finalize(answer, theirs.public_key)
    blinded = [voprf.blind(b"input"), voprf.blind(b"other")]
    given = theirs.evaluate_batch([other.BlindedInput.deserialize(b.element) for b in blinded])
    data = given.serialize()
    proof, answers = data[: voprf.PROOF_BYTES], data[voprf.PROOF_BYTES :]
    evaluated = Evaluated((answers[:32], answers[32:]), proof)
    voprf.verify(voprf.public_key(secret), [one.element for one in blinded], evaluated)
    assert voprf.finalize(b"input", blinded[0], evaluated.elements[0]) == output
    assert output == voprf.evaluate_openly(secret, b"input")


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text)
