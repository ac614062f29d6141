import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhouse.clearing.intake.record import Draft, Location
from clearhouse.clearing.match.columns import columns, first_columns
from clearhouse.clearing.match.keyed import Numbers
from clearhouse.clearing.match.lexicon import lexicon, literals
from clearhouse.clearing.match.packing import FIRST, SETS, PackingError, pack, unpack
from clearhouse.clearing.match.sides import Masses, Side, side
from clearhouse.clearing.match.sketch import (
    MAX_CHARS,
    Material,
    keyed_sketch,
    material,
    sketch,
)

KEY = b"k" * 32


def drawn(text, **more):
    return sketch(Material(text=text, **more))


def test_other_endings_of_a_word_are_one_word():
    assert drawn("parsing parsed parses").words == drawn("parse").words


def test_code_is_kept_whole_and_in_parts():
    one = drawn("In `lib/yaml/reader.py` the function readHeader_v2 fails")
    assert {"lib/yaml/reader.py", "reader.py", "readheader_v2"} <= one.specifics
    assert {"read", "header"} <= one.words


def test_two_spellings_of_a_flaw_are_one_class():
    spelled = [
        "Cross-site scripting in the title",
        "a stored XSS",
        "reflected cross site scripting",
    ]
    for text in spelled:
        assert "class:xss" in drawn(text).classes


def test_a_cwe_id_gives_its_class_without_any_words():
    one = drawn("It breaks.", cwes=("CWE-89",))
    assert one.cwe_classes == {"class:sqli"} <= one.classes


def test_the_name_of_the_product_is_kept_apart_from_what_is_said():
    one = drawn("PyYAML loads a document", products=("PyYAML",), purls=("pkg:pypi/pyyaml",))
    assert "pyyaml" in one.names
    assert "pyyaml" in one.all_words
    assert not one.words & (one.names | one.product)


def test_nothing_but_content_enters():
    plain = Draft(title="Title", description="Text of it")
    named = Draft(title="Title", description="Text of it", contact="a@b.example", severity="high")
    assert material(plain) == material(named)
    place = Draft(locations=(Location(file="a/b.c", function="run"),), purl="pkg:npm/x")
    assert material(place).symbols == ("a/b.c", "run")


def test_a_report_of_five_megabytes_is_read_to_its_limit():
    assert "needle" not in drawn("z " * MAX_CHARS + "needle").words


def test_another_language_gives_words_or_none_and_never_fails():
    assert drawn("堆缓冲区溢出").length == 0
    assert drawn("Débordement de tampon dans l'analyseur").length > 0


@given(st.text(max_size=300), st.text(max_size=30))
def test_any_text_can_be_packed_keyed_and_unpacked(text, product):
    plain = drawn(text, products=(product,), ecosystem="PyPI", cwes=("CWE-79",))
    hashed = keyed_sketch(plain, Numbers(KEY, "sketch").__getitem__)
    one = Side(
        sketch=hashed,
        masses=Masses(words=1.5, pairs=2.0, runs=0.5, specifics=0.0, product=0.25, title=3.0),
        telling=tuple((token, 0.5) for token in sorted(hashed.words)[:3]),
    )
    assert unpack(pack(one)) == one
    for told, groups in ((columns([[pack(one)] * 2]), SETS), (first_columns([[pack(one)]]), FIRST)):
        assert told.masses("words")[-1] == one.masses.words
        assert told.length[-1] == one.sketch.length
        for group in groups:
            tokens, owner = told.group(group)
            assert set(tokens[owner == told.count - 1].tolist()) == getattr(one.sketch, group)


def test_bytes_of_another_version_are_refused():
    one = Side(
        sketch=keyed_sketch(drawn("x1"), Numbers(KEY, "sketch").__getitem__),
        masses=Masses(words=0, pairs=0, runs=0, specifics=0, product=0, title=0),
    )
    with pytest.raises(PackingError, match="version 9"):
        unpack(b"\x09" + pack(one)[1:])
    with pytest.raises(PackingError, match="version 9"):
        columns([[pack(one), b"\x09" + pack(one)[1:]]])


def test_the_heaviest_words_tell_what_a_report_is_about_whatever_stands_for_them():
    plain = drawn(" ".join(f"word{chr(97 + i)}" for i in range(20)) + " heavy")
    weights = {token: 9.0 if token == "heavy" else 1.0 for token in plain.all_words | plain.pairs}
    weights |= dict.fromkeys(plain.specifics | plain.runs, 1.0)
    told = [token for token, _ in side(plain, weights).telling]
    assert told[0] == "heavy"
    assert told[1:] == sorted(told[1:])
    readable = {Numbers(KEY, "sketch")[token]: token for token in weights}
    hashed = keyed_sketch(plain, Numbers(KEY, "sketch").__getitem__)
    by_number = {value: weights[token] for value, token in readable.items()}
    kept = side(hashed, by_number, readable.__getitem__).telling
    assert [readable[token] for token, _ in kept] == told


def test_reports_laid_out_alike_have_one_form():
    one = drawn("Some text", products=("Acme Reader",), purls=("pkg:npm/reader",))
    other = drawn("Other words", products=("Acme Writer",), purls=("pkg:npm/writer",))
    assert one.form == other.form
    assert one.purl_kinds == other.purl_kinds == {"purl kind:pkg:npm"}
    assert one.spelling != other.spelling
    assert one.form != drawn("Some text", products=("acme_reader",)).form
    assert drawn("No product").spelling == frozenset()


def test_keyed_numbers_depend_on_the_key_and_on_the_kind():
    one = Numbers(KEY, "sketch")["a"]
    assert one == Numbers(KEY, "sketch")["a"]
    assert one != Numbers(b"x" * 32, "sketch")["a"]
    assert one != Numbers(KEY, "filed")["a"]


def test_every_kind_of_flaw_is_a_word_that_people_can_read():
    assert set(lexicon().class_of_cwe.values()) <= set(lexicon().class_names)
    assert "class:null" in sketch(Material(cwes=("CWE-476",))).classes


def test_files_functions_and_inputs_are_known_by_what_stands_beside_them():
    text = "The id and page parameters of `admin/edit.php` reach yaml::Loader.parse() unchecked"
    one = sketch(Material(text=text))
    assert one.files == {"file:edit.php"}
    assert one.functions == {"function:parse"}
    assert one.inputs == {"input:id", "input:page"}


@given(st.data())
@pytest.mark.parametrize("wordings", [lexicon().classes, lexicon().settings])
def test_whatever_a_wording_matches_is_named(wordings, data):
    name = data.draw(st.sampled_from(sorted(wordings.patterns)))
    assert name in wordings.named_in(data.draw(st.from_regex(wordings.patterns[name])))


def test_a_wording_without_plain_text_in_an_alternative_is_always_tried():
    assert literals(r"plain|\w+") == ("plain", "")
    assert literals(r"(?:a|b)c?de*f") == ("d",)


def test_the_lexicon_names_its_version():
    assert lexicon().name == "match-lexicon/1"
