import json

import pytest

from clearhouse.formats.strict_json import (
    JsonFault,
    Repeats,
    StrictJsonError,
    Strictness,
    parse,
    pointer_step,
    walk,
)


def refusal(data, **strictness):
    with pytest.raises(StrictJsonError) as caught:
        parse(data, Strictness(**strictness))
    return caught.value


@pytest.mark.parametrize("value", [{}, [], "é\U0001f600", 0, -1.5, True, None, {"a": [{"b": "c"}]}])
def test_a_plain_document_is_read_as_any_json_reader_reads_it(value):
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("data", "code", "place"),
    [
        (b"", JsonFault.EMPTY, ""),
        (b" \t\r\n", JsonFault.EMPTY, ""),
        (b'{"a":"\xff"}', JsonFault.NOT_UTF8, "byte 6"),
        ("{}".encode("utf-16"), JsonFault.NOT_UTF8, "byte 0"),
        (b"\xef\xbb\xbf{}", JsonFault.BYTE_ORDER_MARK, "byte 0"),
        (b"{", JsonFault.SYNTAX, "byte 1"),
        ('{"é":}'.encode(), JsonFault.SYNTAX, "byte 6"),
        (b"{'a':1}", JsonFault.SYNTAX, "byte 1"),
        (b'["\x01"]', JsonFault.SYNTAX, "byte 2"),
        (b"[NaN]", JsonFault.SYNTAX, ""),
        (b"[-Infinity]", JsonFault.SYNTAX, ""),
        (b"{}{}", JsonFault.TRAILING_DATA, "byte 2"),
        (b"[1e999]", JsonFault.NUMBER_OUT_OF_RANGE, ""),
        (b"[" + b"9" * 5000 + b"]", JsonFault.NUMBER_OUT_OF_RANGE, ""),
        (b"[1." + b"9" * 5000 + b"]", JsonFault.NUMBER_OUT_OF_RANGE, ""),
        (b'{"a":1,"a":2}', JsonFault.DUPLICATE_KEY, "/a"),
        (b'{"x":{"y/z":[1,{"k":1,"k":2}]}}', JsonFault.DUPLICATE_KEY, "/x/y~1z/1/k"),
        (b'["\\ud800"]', JsonFault.HALF_SURROGATE, "/0"),
        (b'{"\\udfff":1}', JsonFault.HALF_SURROGATE, ""),
    ],
)
def test_what_readers_would_not_read_alike_is_refused_with_its_place(data, code, place):
    error = refusal(data)
    assert (error.code, error.place) == (code, place)


def test_a_whole_surrogate_pair_is_one_character():
    assert parse(b'["\\ud83d\\ude00"]') == ["\U0001f600"]


def test_half_a_surrogate_passes_only_for_a_caller_that_checks_strings_itself():
    assert parse(b'["\\ud800"]', Strictness(half_surrogates=True)) == ["\ud800"]


def test_nesting_up_to_the_limit_is_read_and_one_level_more_is_refused():
    assert parse(b"[" * 64 + b"]" * 64)
    assert refusal(b"[" * 65 + b"]" * 65).code is JsonFault.TOO_DEEP


@pytest.mark.parametrize("opener", [b"[", b'{"a":', b'{"\\"":[{'[:5]])
def test_a_hundred_thousand_open_brackets_are_refused_without_exhausting_the_stack(opener):
    assert refusal(opener * 100_000).code in {JsonFault.TOO_DEEP, JsonFault.SYNTAX}


def test_brackets_inside_strings_do_not_count_as_nesting():
    text = "[{" * 500 + '\\"'
    assert parse(json.dumps([text, text]).encode()) == [text, text]


def test_the_member_under_which_the_nesting_is_too_deep_is_named():
    data = b'{"a":"[[,","b":[1,"x"],"enrichment":' + b"[" * 70 + b"]" * 70 + b',"c":1}'
    assert refusal(data).place == "/enrichment"


def test_a_limit_of_depth_beyond_the_interpreters_own_still_ends_in_a_refusal():
    assert refusal(b"[" * 100_000, max_depth=10**6).code in {JsonFault.TOO_DEEP, JsonFault.SYNTAX}


def test_too_many_bytes_are_refused_before_they_are_decoded():
    assert refusal(b"\xff" * 11, max_bytes=10).code is JsonFault.TOO_LARGE


def test_a_byte_order_mark_is_skipped_only_where_files_are_read():
    assert parse(b"\xef\xbb\xbf{}", Strictness(byte_order_mark=True)) == {}


def test_a_repeated_key_outside_the_callers_interest_keeps_its_last_value_and_is_marked():
    value = parse(b'{"a":1,"b":2,"a":3}', Strictness(repeats=Repeats.NOWHERE))
    assert value == {"a": 3, "b": 2}
    assert value.repeated == "a"


def test_an_unterminated_string_of_escaped_quotes_costs_no_more_than_its_length():
    assert refusal(b"[" * 65 + b'"' + b'\\"' * 500_000).code is JsonFault.TOO_DEEP


def test_big_integers_are_read_exactly():
    assert parse(b"[123456789012345678901234567890]") == [123456789012345678901234567890]


def test_an_error_never_shows_the_documents_values():
    error = refusal(b'{"secret": "the exploit" oops}')
    assert "exploit" not in str(error)


def test_places_are_printable_and_bounded_whatever_the_keys_hold():
    assert pointer_step("a\x1b[31m\u202eb").isprintable()
    error = refusal(b'{"' + b"k" * 10_000 + b'":{"a":1,"a":2}}')
    assert len(error.place) == 200


def test_walking_visits_every_value_with_its_pointer():
    assert dict(walk({"a": [1, {"b/c": None}]})) == {
        "": {"a": [1, {"b/c": None}]},
        "/a": [1, {"b/c": None}],
        "/a/0": 1,
        "/a/1": {"b/c": None},
        "/a/1/b~1c": None,
    }
