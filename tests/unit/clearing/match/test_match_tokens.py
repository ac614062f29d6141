from hypothesis import given
from hypothesis import strategies as st

from clearhouse.clearing.intake.record import Attachment, Credit, Draft, Location
from clearhouse.clearing.match.tokens import (
    EMPTY_WORDS,
    MAX_CHARS,
    MAX_TOKEN_CHARS,
    is_name,
    tokens,
    words_of,
)


def test_an_identifier_is_kept_whole_and_in_parts():
    assert set(tokens("parseHTTPHeader() and read_file_name")) == {
        "parsehttpheader",
        "parse",
        "http",
        "header",
        "read_file_name",
        "read",
        "file",
        "name",
    }


def test_a_path_is_kept_whole_by_its_base_name_and_in_parts():
    assert {"lib/http2/frame.c", "frame.c", "http2", "frame"} <= set(
        tokens("in lib/http2/frame.c.")
    )


def test_a_version_is_kept_whole():
    assert "5.3.1" in tokens("PyYAML 5.3.1, all platforms")


def test_words_that_every_report_contains_are_left_out():
    assert tokens("The attacker can use this vulnerability to") == ()


def test_endless_encodings_are_no_tokens():
    assert tokens("x" * (MAX_TOKEN_CHARS + 1)) == ()


def test_names_are_told_from_prose():
    assert is_name("full_load")
    assert is_name("5.3.1")
    assert not is_name("deserialization")


def test_contact_credits_and_files_are_not_compared():
    draft = Draft(
        title="Title",
        locations=(Location(file="a/b.c", function="run"),),
        contact="ann@example.org",
        credits=(Credit(name="Ann"),),
        attachments=(Attachment(filename="poc.py", content_type="x/y", data=b"payload"),),
    )
    assert words_of(draft) == "Title\na/b.c\nrun"


def test_a_report_of_five_megabytes_is_read_to_its_limit():
    assert "needle" not in tokens("z " * (MAX_CHARS // 2) + "needle")


@given(st.text(max_size=300))
def test_every_token_stands_in_the_text_it_came_from(text):
    folded = text.casefold()
    for token in tokens(text):
        assert token in folded
        assert token not in EMPTY_WORDS
