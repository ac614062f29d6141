"""What the client refuses of a server, and the server of a client."""

from dataclasses import replace

import pytest

from clearhouse.formats import ristretto, voprf
from clearhouse.formats.voprf import Evaluated, Mode, VoprfError

SECRET = voprf.derive_key(bytes(32), b"test")
PUBLIC = voprf.public_key(SECRET)
IDENTITY = bytes(32)
ORDER = 2**252 + 27742317777372353535851937790883648493
MALFORMED = (
    b"",
    bytes(31),
    b"\xff" * 32,
    b"\x01" + bytes(31),
    (2**255 - 19).to_bytes(32, "little"),
)


def asked(count=3):
    blinded = [voprf.blind(f"input {number}".encode()) for number in range(count)]
    elements = [one.element for one in blinded]
    return blinded, elements, voprf.evaluate(SECRET, elements)


def test_the_client_learns_what_the_holder_of_the_key_computes():
    blinded, elements, evaluated = asked()
    voprf.verify(PUBLIC, elements, evaluated)
    for number, (one, answer) in enumerate(zip(blinded, evaluated.elements, strict=True)):
        text = f"input {number}".encode()
        output = voprf.finalize(text, one, answer)
        assert output == voprf.evaluate_openly(SECRET, text)
        assert len(output) == voprf.OUTPUT_BYTES


def test_the_same_input_is_never_blinded_alike():
    assert voprf.blind(b"input").element != voprf.blind(b"input").element


def test_the_blinding_is_not_shown():
    one = voprf.blind(b"input")
    assert one.scalar.hex() not in repr(one)
    assert "scalar" not in repr(one)


def test_a_proof_of_another_key_is_refused():
    _, elements, evaluated = asked()
    other = voprf.public_key(voprf.derive_key(bytes(32), b"other"))
    with pytest.raises(VoprfError, match="not of this key"):
        voprf.verify(other, elements, evaluated)


def test_answers_made_with_another_key_than_announced_are_refused():
    _, elements, _ = asked()
    other = voprf.evaluate(voprf.derive_key(bytes(32), b"other"), elements)
    with pytest.raises(VoprfError, match="not of this key"):
        voprf.verify(PUBLIC, elements, other)


@pytest.mark.parametrize("place", [0, 1, 31, 32, 40, 62])
def test_a_proof_with_one_bit_changed_is_refused(place):
    _, elements, evaluated = asked()
    proof = bytearray(evaluated.proof)
    proof[place] ^= 1
    with pytest.raises(VoprfError, match="proof"):
        voprf.verify(PUBLIC, elements, replace(evaluated, proof=bytes(proof)))


def test_one_wrong_answer_among_many_is_refused():
    _, elements, evaluated = asked()
    answers = (*evaluated.elements[:2], evaluated.elements[0])
    with pytest.raises(VoprfError, match="not of this key"):
        voprf.verify(PUBLIC, elements, replace(evaluated, elements=answers))


def test_answers_in_another_order_are_refused():
    _, elements, evaluated = asked()
    turned = replace(evaluated, elements=evaluated.elements[::-1])
    with pytest.raises(VoprfError, match="not of this key"):
        voprf.verify(PUBLIC, elements, turned)


def test_a_proof_of_another_length_or_with_scalars_out_of_range_is_refused():
    _, elements, evaluated = asked()
    large = ORDER.to_bytes(32, "little")
    for proof in (b"", evaluated.proof[:-1], evaluated.proof + b"\0", large + evaluated.proof[32:],
                  evaluated.proof[:32] + large, b"\xff" * 64):  # fmt: skip
        with pytest.raises(VoprfError, match="malformed"):
            voprf.verify(PUBLIC, elements, replace(evaluated, proof=proof))


def test_fewer_or_no_answers_are_refused():
    _, elements, evaluated = asked()
    for one, other in ((elements, evaluated.elements[:2]), ([], ())):
        with pytest.raises(VoprfError, match="as many"):
            voprf.verify(PUBLIC, one, replace(evaluated, elements=tuple(other)))


@pytest.mark.parametrize("element", [IDENTITY, *MALFORMED])
def test_the_identity_and_what_is_no_point_are_refused_everywhere(element):
    blinded, elements, evaluated = asked(1)
    with pytest.raises(VoprfError, match="no point"):
        voprf.evaluate(SECRET, [*elements, element])
    with pytest.raises(VoprfError, match="no point"):
        voprf.finalize(b"input 0", blinded[0], element)
    with pytest.raises(VoprfError, match="no point"):
        voprf.verify(element, elements, evaluated)
    with pytest.raises(VoprfError, match="no point"):
        voprf.verify(PUBLIC, [element], evaluated)
    with pytest.raises(VoprfError, match="no point"):
        voprf.verify(PUBLIC, elements, replace(evaluated, elements=(element,)))


def test_nothing_and_too_much_are_not_answered():
    _, elements, _ = asked(1)
    for some in ([], elements * 65_536):
        with pytest.raises(VoprfError, match="1 to 65535"):
            voprf.evaluate(SECRET, some)
    with pytest.raises(VoprfError, match="at most"):
        voprf.blind(bytes(65_536))


def test_a_blinding_of_zero_hides_nothing_and_is_refused():
    with pytest.raises(VoprfError, match="identity"):
        voprf.blind(b"input", scalar=bytes(32))


def test_zero_has_no_inverse():
    with pytest.raises(ristretto.GroupError, match="inverse"):
        ristretto.invert(bytes(32))


def test_a_public_input_changes_the_answer_and_is_proven():
    secret = voprf.derive_key(bytes(32), b"", Mode.POPRF)
    public = voprf.public_key(secret)
    one = voprf.blind(b"input", Mode.POPRF)
    evaluated = voprf.evaluate(secret, [one.element], Mode.POPRF, info=b"public")
    voprf.verify(public, [one.element], evaluated, Mode.POPRF, info=b"public")
    with pytest.raises(VoprfError, match="not of this key"):
        voprf.verify(public, [one.element], evaluated, Mode.POPRF, info=b"another")


def test_a_forged_proof_is_refused_whatever_is_in_it():
    _, elements, _ = asked(1)
    forged = Evaluated((elements[0],), ristretto.random_scalar() + ristretto.random_scalar())
    with pytest.raises(VoprfError, match="not of this key"):
        voprf.verify(PUBLIC, elements, forged)
