import logging.config

import pytest

from clearhouse.formats.multipart import MAX_PARTS, MultipartError, Part, read_header, split


def body(*parts, boundary="B", end=b"--"):
    joined = b"".join(b"--" + boundary.encode() + b"\r\n" + part + b"\r\n" for part in parts)
    return joined + b"--" + boundary.encode() + end


def test_parts_come_out_in_order_with_their_headers_and_exact_bytes():
    data = body(b"A: 1\r\nB:  two \r\n\r\n\x00\r\n--x\r\n", b"\r\nlast")
    assert split(data, "B") == (
        Part(headers=(("a", "1"), ("b", "two")), data=b"\x00\r\n--x\r\n"),
        Part(headers=(), data=b"last"),
    )


def test_preamble_and_epilogue_are_ignored():
    data = b"for readers without MIME\r\n" + body(b"\r\nx") + b"\r\nepilogue"
    assert [part.data for part in split(data, "B")] == [b"x"]


@pytest.mark.parametrize(
    ("data", "boundary"),
    [
        (b"", "B"),
        (b"no boundary here", "B"),
        (b"--B\r\n\r\ncut off", "B"),
        (body(b"bad header\r\n\r\nx"), "B"),
        (body(b": empty\r\n\r\nx"), "B"),
        (body(b"A: b"), "B"),
        (body(b"A: " + b"x" * 5000 + b"\r\n\r\n"), "B"),
        (body(b"".join(b"H%d: x\r\n" % n for n in range(20)) + b"\r\nx"), "B"),
        (body(*[b"\r\nx"] * (MAX_PARTS + 1)), "B"),
        (body(b"\r\nx"), ""),
        (body(b"\r\nx"), "b" * 71),
        (body(b"\r\nx"), "é"),
    ],
)
def test_a_malformed_body_is_refused(data, boundary):
    with pytest.raises(MultipartError):
        split(data, boundary)


def test_header_bytes_that_are_no_utf8_are_left_for_the_caller_to_judge():
    (part,) = split(body(b"A: \xff\r\n\r\nx"), "B")
    assert part.header("a") == "\udcff"


def test_what_the_parser_refuses_reaches_no_log(caplog):
    with pytest.raises(MultipartError):
        split(body(b"secret\x01: x\r\n\r\n"), "B")
    assert caplog.records == []


def test_a_configuration_of_logging_does_not_wake_what_is_silent(caplog):
    logging.config.dictConfig(
        {"version": 1, "incremental": False, "disable_existing_loggers": False}
    )
    with pytest.raises(MultipartError):
        split(body(b"secret\x01: x\r\n\r\n"), "B")
    assert caplog.records == []


def test_a_header_is_taken_apart_with_quoting_undone():
    header = read_header('Attachment; Name=report ; filename="a \\"b\\" c:\\d.txt"')
    assert header.value == "attachment"
    assert header.parameters == (("name", "report"), ("filename", 'a "b" c:\\d.txt'))
    assert header.parameter("charset") is None
    assert header.repeated() is None


def test_a_parameter_given_twice_is_reported():
    assert read_header("a; x=1; X=2").repeated() == "x"


@pytest.mark.parametrize("text", ["", ";", "a b", "a; x", "a; x=", 'a; x="y', "a; x=é", "a, b"])
def test_a_malformed_header_is_refused(text):
    with pytest.raises(MultipartError):
        read_header(text)
