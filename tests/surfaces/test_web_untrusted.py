import re
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhouse.surfaces.web.untrusted import excerpt, is_hidden, one_line, plain_line


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.text = set(), set(), ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


@given(st.text())
def test_no_text_becomes_markup_of_its_own(text):
    read = Tags(str(excerpt(text).html))
    assert read.tags <= {"span"}
    assert read.attributes <= {"class", "title"}


@given(st.text(max_size=200))
def test_no_hidden_character_reaches_the_page(text):
    for shown in (str(excerpt(text).html), str(one_line(text)), plain_line(text)):
        assert not any(is_hidden(character) for character in shown)


@given(st.text(st.characters(exclude_categories=("C", "Z", "M")), max_size=200))
def test_visible_text_is_shown_as_it_is(text):
    plain = "".join(c for c in text if not is_hidden(c))
    assert Tags(str(excerpt(plain).html)).text == plain


@pytest.mark.parametrize(
    ("character", "said"),
    [("\u202e", "U+202E"), ("\u200b", "U+200B"), ("\x1b", "U+001B"), ("\x00", "U+0000"),
     ("\U000e0041", "U+E0041"), ("\u3164", "U+3164"), ("\ud800", "U+D800"), ("\x7f", "U+007F")],
)  # fmt: skip
def test_a_hidden_character_is_named_by_its_code_point(character, said):
    html = str(excerpt(f"safe{character}evas").html)
    assert f">{said}</span>" in html
    assert character not in html


def test_a_direction_override_is_explained_to_who_points_at_it():
    assert 'title="right-to-left override"' in str(excerpt("\u202e").html)


def test_line_breaks_and_tabs_stay():
    assert str(excerpt("a\n\tb\r\nc").html) == "a\n\tb\nc"


def test_a_long_text_is_cut_and_the_cut_is_stated():
    cut = excerpt("a" * 1_000_000, limit=100)
    assert cut.left_out == 999_900
    assert len(cut.html) == 100


def test_a_heading_is_one_line_in_its_own_direction_whatever_it_held():
    assert str(one_line("a\n\n  b<i>", 300)) == "<bdi>a b&lt;i&gt;</bdi>"
    assert str(one_line("x" * 500, 10)) == "<bdi>" + "x" * 9 + "…</bdi>"


def test_marks_piled_on_one_letter_are_thinned():
    piled = "e" + "\u0301" * 500
    html = str(excerpt(piled).html)
    assert len(re.findall("\u0301", html)) == 3


def test_accents_of_ordinary_writing_stay():
    decomposed = unicodedata.normalize("NFD", "Việt Nam, đường")
    assert str(excerpt(decomposed).html) == decomposed
