from dataclasses import replace

from clearhouse.clearing.validate.reproduce.bundle import read_files
from clearhouse.clearing.validate.reproduce.variants import variants

MANIFEST = (
    b"format: clearhouse-bundle/1\ntarget: pkg:pypi/x@1.0\nfixed: '1.1'\n"
    b"run: [python, p.py]\noracle: {kind: exit-code, code: 42}\n"
)


def bundle(files):
    return read_files({"bundle.yaml": MANIFEST, **files})


def texts(given, name):
    return [dict(one.files)[name].decode() for one in variants(given)]


def test_numbers_lengths_and_spellings_change_one_at_a_time():
    found = texts(bundle({"p.py": b"send('aaaa/x b', 65)\n"}), "p.py")
    assert "send('aaaa/x b', 66)\n" in found
    assert "send('aaaaaaaa/x b', 65)\n" in found
    assert "send('aaaa//x b', 65)\n" in found
    assert "send('aaaa/x\tb', 65)\n" in found
    assert len(found) == len(set(found))
    assert "send('aaaa/x b', 65)\n" not in found


def test_names_in_code_and_escapes_stay_as_they_are():
    found = texts(bundle({"p.py": b"import os1\nos1.call('\\n')\n"}), "p.py")
    assert found == []


def test_data_files_change_as_a_whole():
    found = texts(bundle({"p.py": b"", "d.json": b'{"key": 1}'}), "d.json")
    assert '{"key": 2}' in found
    assert '{"KEY": 1}' in found


def test_files_that_are_no_text_are_left_alone():
    assert list(variants(bundle({"p.py": b"", "d.bin": b"\xff\xfe1"}))) == []


def test_everybody_gets_the_same_variants_in_the_same_order():
    given = bundle({"p.py": b"send('aaaa/x b', 65)\n"})
    assert list(variants(given)) == list(variants(given))
    other = replace(given, sha256="0" * 64)
    assert sorted(texts(other, "p.py")) == sorted(texts(given, "p.py"))
    assert texts(other, "p.py") != texts(given, "p.py")
