"""An embargoed case cannot be read, counted, searched or inferred by anyone not read in.

Every check first shows that there is something to leak: who is read in sees it by the same door.
"""

import pytest

from clearhouse.clearing import route
from scenario.leaks_canaries import DRAFT, Scanner, fields, word
from scenario.leaks_routes import EXAMPLES, asks, routes
from scenario.leaks_scene import difference, doors_of, embargoed_case, fresh_house, ordinary_day, pretended

SCANNER = Scanner()


@pytest.fixture(scope="module")
def scene(installation, tmp_path_factory):
    """The ordinary day as strangers see it, then the embargoed case, then what they see again."""
    with fresh_house(installation, tmp_path_factory.mktemp("leaks")) as (app, owner_url):
        made = ordinary_day(app, owner_url)
        nothing = pretended(_SHAPES)
        made.before = _seen(made, nothing)
        embargoed_case(made)
        made.after = _seen(made, nothing)
        # Only now, because the size of the ledger is public: docs/threat-model.md, Volume.
        route.seal_ledger(app.desk)
        yield made


def _seen(scene, ids):
    return {
        name: {str(ask): viewer.ask(ask).without(()) for ask in asks(ids)}
        for name, viewer in scene.strangers.items()
    }


_SHAPES = {
    "report": "rep_" + "a" * 26, "receipt": "SUB-" + "a" * 18, "finding": "fnd_" + "a" * 26,
    "other_finding": "fnd_" + "b" * 26, "case": "cas_" + "a" * 26, "edge": "edg_" + "a" * 26,
    "event": "evt_" + "a" * 26, "vendor": "pty_" + "a" * 26, "token": "tok_" + "a" * 26,
    "session": "ses_" + "a" * 26,
}  # fmt: skip




def _named(ids):
    """Those of the case. That somebody signed in is known to those who watch over sessions."""
    return [name for kind, name in ids.items() if kind not in {"token", "session"}]


@pytest.fixture(params=["nobody", "a coordinator of the house who is not on duty",
                        "an intake analyst", "an auditor", "an administrator",
                        "another reporter", "a vendor of something else"])  # fmt: skip
def stranger(request, scene):
    return scene.strangers[request.param]


@pytest.mark.parametrize("door", ["counter", "desk"])
def test_every_route_has_an_example_of_how_to_ask_it(scene, door):
    served = set(routes(doors_of(scene.app)[door]))
    assert served == set(EXAMPLES[door](scene.secret))


def test_every_process_that_serves_is_one_of_the_doors_asked(scene):
    from clearhouse.surfaces.cli import serve

    assert set(serve.command.commands) == {"counter", "desk", "worker"}


def test_who_is_read_in_sees_the_case_by_every_door_that_tells_of_it(scene):
    for ask in asks(scene.secret):
        if ask.tells:
            answer = scene.owner.ask(ask)
            assert answer.status == 200, (str(ask), answer)
            told = SCANNER.found(answer.all) or [i for i in scene.all_ids if i.encode() in answer.all]
            assert told, str(ask)


def test_no_answer_to_a_stranger_holds_a_word_or_an_id_of_the_case(scene, stranger):
    for ask in asks(scene.secret):
        answer = stranger.ask(ask)
        assert answer.status < 500, (str(ask), answer)
        text = answer.without(scene.secret.values())
        assert not SCANNER.found(text), (str(ask), SCANNER.found(text))
        assert not [one for one in scene.all_ids if one.encode() in text], str(ask)


def test_a_thing_of_the_case_and_a_thing_that_never_was_give_a_stranger_the_same_answer(
    scene, stranger
):
    nothing = pretended(scene.secret)
    pairs = list(zip(asks(scene.secret), asks(nothing), strict=True))
    assert any(str(one) != str(other) for one, other in pairs)
    told = {
        str(one): difference(
            stranger.ask(one).without(_named(scene.secret)),
            stranger.ask(other).without(_named(nothing)),
        )
        for one, other in pairs
    }
    assert not {ask: where for ask, where in told.items() if where}


def test_lists_counts_and_pages_are_to_a_stranger_as_if_the_case_had_never_come(scene, stranger):
    then, now = scene.before[stranger.name], scene.after[stranger.name]
    told = {ask: difference(then[ask], now[ask]) for ask in then}
    assert not {ask: where for ask, where in told.items() if where}


def test_every_field_of_the_report_is_shown_to_who_is_read_in(scene):
    shown = b"".join(scene.owner.ask(ask).body for ask in asks(scene.secret) if ask.tells)
    marked = {text for _, text in fields(DRAFT) if isinstance(text, str) and "kestrelquoin" in text}
    hidden = {text for text in marked if text.encode() not in shown}
    assert hidden <= {DRAFT.contact}, hidden
