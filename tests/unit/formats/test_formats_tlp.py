import itertools

import pytest

from clearhouse.formats.tlp import Tlp, TlpError, parse, strictest


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("TLP:RED", Tlp.RED),
        ("amber", Tlp.AMBER),
        (" tlp:amber+strict ", Tlp.AMBER_STRICT),
        ("AMBER_STRICT", Tlp.AMBER_STRICT),
        ("Amber Strict", Tlp.AMBER_STRICT),
        ("WHITE", Tlp.CLEAR),
        ("TLP:white", Tlp.CLEAR),
    ],
)
def test_a_label_is_read_however_it_is_written(text, label):
    assert parse(text) is label


@pytest.mark.parametrize("text", ["", "TLP:", "PURPLE", "TLP:RED TLP:CLEAR", "TLP"])
def test_what_is_no_label_is_refused(text):
    with pytest.raises(TlpError):
        parse(text)


def test_labels_are_ordered_from_free_to_strict():
    assert [label.rank for label in Tlp] == [0, 1, 2, 3, 4]
    assert strictest([Tlp.GREEN, Tlp.AMBER_STRICT, Tlp.AMBER]) is Tlp.AMBER_STRICT


def test_nothing_said_about_sharing_is_red():
    assert strictest([]) is Tlp.RED


def test_nothing_travels_under_a_freer_label():
    for label, audience in itertools.product(Tlp, Tlp):
        assert label.permits(audience) == (audience.rank >= label.rank)


def test_translating_to_tlp_1_and_back_never_frees_anything():
    for label in Tlp:
        assert parse(label.version_1).rank >= label.rank
    assert [label.version_1 for label in Tlp] == ["WHITE", "GREEN", "AMBER", "RED", "RED"]
