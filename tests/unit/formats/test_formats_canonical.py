import hashlib
import math

import pytest

from clearhouse.formats.canonical import canonical_bytes, digest


def test_the_example_of_the_standard_comes_out_byte_for_byte():
    """Source: RFC 8785 §3.2.2 to §3.2.4."""
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert canonical_bytes(value) == (
        b'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        b'"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_names_are_sorted_by_their_utf_16_units():
    """Source: RFC 8785 §3.2.3."""
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    expected = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    written = canonical_bytes(dict.fromkeys(names, 0)).decode()
    positions = [written.index(name if name != "\r" else "\\r") for name in expected]
    assert positions == sorted(positions)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, b"0"),
        (-0.0, b"0"),
        (5e-324, b"5e-324"),
        (-1.7976931348623157e308, b"-1.7976931348623157e+308"),
        (9007199254740991, b"9007199254740991"),
        (295147905179352830000.0, b"295147905179352830000"),
        (1e21, b"1e+21"),
        (1e-6, b"0.000001"),
        (1e-7, b"1e-7"),
        (1424953923781206.2, b"1424953923781206.2"),
        (True, b"true"),
    ],
)
def test_a_number_has_one_spelling(number, text):
    """Source: RFC 8785 appendix B."""
    assert canonical_bytes(number) == text


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        2**53,
        -(2**53),
        "\ud800",
        {"\udfff": 1},
        {1: "number as name"},
        b"bytes",
        object(),
        [{"deep": {1, 2}}],
        nested(100_000),
    ],
)
def test_what_has_no_canonical_form_is_refused_without_showing_it(value):
    with pytest.raises(ValueError, match="no canonical JSON form") as refusal:
        canonical_bytes(value)
    assert len(str(refusal.value)) < 80


def test_a_digest_is_the_sha_256_of_the_canonical_form():
    assert digest({"b": 1, "a": [1.0, 2]}) == hashlib.sha256(b'{"a":[1,2],"b":1}').hexdigest()
