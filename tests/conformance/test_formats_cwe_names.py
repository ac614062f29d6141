"""Our CWE names are the ones that MITRE's catalogue has, as the CSAF validator carries it."""

import json
from importlib.resources import files

import pytest

from clearhouse.formats.cwe import families, weakness


def test_every_listed_weakness_has_its_published_name():
    pytest.importorskip("csaf")
    text = files("csaf").joinpath("csaf/v21csd04/cwe/catalog.json").read_text("utf-8")
    published = json.loads(text)["weaknesses"]
    listed = [weakness(one) for members in families().values() for one in members]
    with_entry = [one for one in listed if one.id.removeprefix("CWE-") in published]
    wrong = [
        one.id
        for one in with_entry
        if one.name != published[one.id.removeprefix("CWE-")]["history"][-1][1]
    ]
    categories = {one.id for one in listed} - {one.id for one in with_entry}
    assert wrong == []
    assert categories == {"CWE-189", "CWE-255", "CWE-310"}
