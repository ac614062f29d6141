"""A copy tells whose it was, after copy and paste and new line breaks, and never alters code."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhouse.clearing.coordinate import canary
from clearhouse.surfaces.web.untrusted import excerpt

PROSE = (
    "The loader trusts the length in the header and copies it into a small buffer. "
    "An attacker who can send a tree runs code as the service. "
    "It was seen with every version since the second one, on every platform that we tried. "
) * 3
MARK = bytes.fromhex("0123456789ab")


def test_a_copy_reads_the_same_and_holds_its_mark():
    copy = canary.woven(PROSE, MARK)
    assert copy != PROSE
    assert canary.without(copy) == PROSE
    assert canary.held(copy) == {MARK}
    assert canary.held(PROSE) == frozenset()


def test_two_sentences_pasted_and_wrapped_anew_still_name_the_reader():
    copy = canary.woven(PROSE, MARK)
    piece = copy[300:560]
    for width in (20, 40, 72):
        again = textwrap.fill(" ".join(piece.split()), width)
        assert canary.held(f"> seen on a forum:\n{again}") == {MARK}


def test_a_mark_that_is_said_in_letters_is_found_even_when_a_line_parts_it():
    said = canary.named(MARK)
    assert canary.held(f"copy {said.upper()} for you") == {MARK}
    assert canary.held(said.replace("-", "-\n", 1)) == {MARK}
    assert canary.mark_of(said) == MARK


def test_the_published_examples_of_the_letters_hold():
    # Wilkerson, A Proposal for Proquints: 127.0.0.1 and 63.84.220.193.
    assert canary.named(bytes([127, 0, 0, 1, 63, 84])) == "lusab-babad-gutih"
    assert canary.named(bytes([63, 84, 220, 193, 0, 0])).startswith("gutih-tugad")


@pytest.mark.parametrize(
    "code",
    [
        "    python3 -c 'load one two three four five six seven eight nine ten eleven twelve'\n",
        "```\nrun this command with many words and see what happens to the server then\n```\n",
        "+ added line of a patch that is long enough to be given a mark by mistake, is it\n",
        "$ curl one two three\n",
    ],
)
def test_code_and_patches_are_given_as_they_are(code):
    assert canary.woven(code, MARK) == code
    mixed = canary.woven(PROSE + "\n" + code + PROSE, MARK)
    assert code in mixed
    assert canary.held(mixed) == {MARK}


def test_nothing_stands_between_backticks():
    line = "Now run `tool --one a --two b --three c and more words` and then look at the log file."
    assert "`tool --one a --two b --three c and more words`" in canary.woven(line, MARK)


@given(st.text(max_size=400), st.binary(min_size=6, max_size=6))
def test_any_text_comes_back_unaltered_and_holds_no_other_mark(text, mark):
    copy = canary.woven(text, mark)
    assert canary.without(copy) == canary.without(text)
    assert canary.held(copy) <= canary.held(text) | {mark}
    assert canary.mark_of(canary.named(mark)) == mark


def test_a_page_names_what_a_stranger_hid_and_not_the_mark_of_the_copy():
    text = f"Look at this\u200b word. {PROSE}"
    shown = excerpt(text, copy=canary.named(MARK)).html
    assert shown.count("U+200B") == 1
    assert canary.held(str(shown)) == {MARK}
    assert canary.without(str(shown)) == str(excerpt(text).html)
