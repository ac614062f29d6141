import pytest

from clearhouse.clearing.intake.record import Draft, Location
from clearhouse.clearing.validate.claims.source import SourceTree, check_source
from clearhouse.clearing.validate.record import Claim, ClaimResult

COOKIES = '''\
import json


class Jar:
    def merge_cookies(self, jar):
        """Merge."""
        return json.loads(jar)


async def extract_cookies_to_jar(jar):
    return jar
'''
FILES = {
    "pkg/__init__.py": "from .cookies import Jar\n",
    "pkg/cookies.py": COOKIES,
    "pkg/sub/models.py": "LIMIT = 3\n",
    "pkg/sub/routes.py": "def handle_request(): pass\n",
}
HOLDS, WRONG, OPEN = ClaimResult.HOLDS, ClaimResult.CONTRADICTED, ClaimResult.UNCHECKABLE


def tree(version="1.0", files=FILES, *, others=None, compiled=False):
    return SourceTree(version=version, files=files, others=others or {}, compiled=compiled)


def answer(claim, *, claimed=None, newest=None, **place):
    draft = Draft(locations=(Location(**place),))
    claimed = claimed or tree()
    found = list(check_source(draft, claimed, newest or claimed))
    return next(one for one in found if one.claim is claim)


@pytest.mark.parametrize(
    ("path", "result"),
    [
        ("pkg/cookies.py", HOLDS),
        ("./pkg/cookies.py", HOLDS),
        ("src/pkg/cookies.py", HOLDS),
        ("sub/models.py", HOLDS),
        ("pkg/http3/frames.py", WRONG),
        ("pkg/other/cookies.py", OPEN),  # moved
        ("pkg/cookie.py", OPEN),  # nearly the same name
        ("pkg/tests/test_cookies_all.py", OPEN),  # tests are often left out of releases
        ("pkg/native/parser.c", OPEN),  # compiled parts carry no source
        ("tools/release_builder.py", OPEN),  # not a folder that releases carry
        ("setup.py", OPEN),
    ],
)
def test_a_file_is_denied_only_where_releases_carry_everything(path, result):
    assert answer(Claim.FILE, file=path).result is result


def test_a_file_of_a_later_release_is_not_denied():
    later = tree("2.0", FILES | {"pkg/http3/frames.py": ""})
    found = answer(Claim.FILE, file="pkg/http3/frames.py", newest=later)
    assert found.result is OPEN
    assert "release 2.0" in found.reason


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("merge_cookies", HOLDS),
        ("Jar.merge_cookies", HOLDS),
        ("merge_cookies(jar)", HOLDS),
        ("extract_cookies_to_jar", HOLDS),
        ("handle_request", OPEN),  # in another file
        ("merge_cookie", OPEN),  # nearly the same name
        ("unpickle_cookie_header", WRONG),
        ("zap", OPEN),  # too short to deny
        ("???", OPEN),
    ],
)
def test_a_function_is_denied_only_when_its_name_is_nowhere(name, result):
    assert answer(Claim.SYMBOL, file="pkg/cookies.py", function=name).result is result


def test_a_function_of_a_dependency_is_not_denied():
    claimed = tree(others={"dep/x.py": "def unpickle_cookie_header(): pass"})
    found = answer(
        Claim.SYMBOL, claimed=claimed, file="pkg/cookies.py", function="unpickle_cookie_header"
    )
    assert found.result is OPEN


def test_a_function_of_a_later_release_is_not_denied():
    later = tree("2.0", {"pkg/cookies.py": "def unpickle_cookie_header(): pass"})
    found = answer(
        Claim.SYMBOL, newest=later, file="pkg/cookies.py", function="unpickle_cookie_header"
    )
    assert found.result is OPEN


def test_a_function_of_compiled_parts_is_not_denied():
    compiled = tree(compiled=True)
    for file in (None, "lib/encoder.c"):
        found = answer(Claim.SYMBOL, claimed=compiled, file=file, function="buffer_append_indent")
        assert found.result is OPEN


@pytest.mark.parametrize(
    "text",
    [
        "function parseRange(a) { return a }",
        "const parseRange = (a) => a",
        "exports.parseRange = function (a) {}",
        "class X {\n  parseRange (a) {\n  }\n}",
    ],
)
def test_functions_of_javascript_are_found_in_their_spellings(text):
    claimed = tree(files={"lib/range.js": text})
    assert (
        answer(Claim.SYMBOL, claimed=claimed, file="lib/range.js", function="parseRange").result
        is HOLDS
    )


@pytest.mark.parametrize(
    ("path", "text", "result"),
    [
        ("pkg/a.py", "def broken_thing(:", HOLDS),  # read around the error
        ("pkg/a.txt", "def broken_thing(): pass", OPEN),  # a language that is not read
        ("pkg/a.py", "# broken_thing()\nx = 'broken_thing'\n", OPEN),  # only spoken of
    ],
)
def test_what_cannot_be_read_whole_is_still_searched(path, text, result):
    claimed = tree(files={path: text})
    found = answer(Claim.SYMBOL, claimed=claimed, file=path, function="broken_thing")
    assert found.result is result


@pytest.mark.parametrize(("line", "result"), [(3, HOLDS), (20, OPEN), (500, WRONG), (0, OPEN)])
def test_a_line_far_beyond_the_end_of_its_file_is_denied(line, result):
    assert answer(Claim.LINE, file="pkg/cookies.py", line=line).result is result


def test_a_line_of_a_file_that_is_not_there_gets_no_answer():
    draft = Draft(locations=(Location(file="pkg/none_at_all/x.py", line=3),))
    found = list(check_source(draft, tree(), tree()))
    assert all(one.claim is not Claim.LINE for one in found)


@pytest.mark.parametrize(
    ("snippet", "result"), [("return   json.loads( jar )", HOLDS), ("pickle.loads(jar)", OPEN)]
)
def test_a_snippet_is_found_whatever_its_spacing_and_never_denied(snippet, result):
    assert answer(Claim.SNIPPET, snippet=snippet).result is result


def test_a_place_without_anything_to_look_up_gives_no_answers():
    assert list(check_source(Draft(locations=(Location(snippet="x"),)), tree(), tree())) == []
