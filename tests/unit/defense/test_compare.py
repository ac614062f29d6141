import base64
import json
import random
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.bench.statistics.paired import mcnemar
from clearhouse.defense.compare.card import (
    card,
    document,
    read_card,
    shared,
    sign,
    verify,
)
from clearhouse.defense.compare.pairs import (
    NotComparableError,
    attack_scores,
    attacks_needed,
    compare,
    power,
    rule,
)
from clearhouse.defense.compare.pooling import pool
from clearhouse.defense.compare.record import Relation
from clearhouse.defense.compare.refusal import CardError
from clearhouse.defense.compare.sharing import aggregate
from clearhouse.defense.exercise.record import AlertLoad, Exercise, StepResult, Tier
from clearhouse.defense.scenario.grade import Grade
from clearhouse.formats.dsse import UntrustedEnvelopeError, seal
from defense_scene import NOON, small_audit


def ran(name, found, *, attacks=None, sha256="p", void=()):
    """An exercise in which these attacks were found, of so many with one step each."""
    attacks = attacks or len(found)
    made = tuple(
        StepResult(step=f"s{n}", attack=f"a{n:03d}", technique=f"T10{n % 7:02d}.001", visible=True,
                   reached=(Tier.ANY, Tier.PLACE) if n < len(found) and found[n] else (), delay_s=None)
        for n in range(attacks)
    )  # fmt: skip
    return Exercise(
        tool=name, version="1", pack="pack", pack_sha256=sha256, at=NOON, grade="A", void=void, steps=made
    )  # fmt: skip


def test_eight_attacks_never_rank_tools_however_far_apart_they_are():
    (one,) = compare([ran("all", [True] * 8), ran("none", [False] * 8)])
    assert one.relation is Relation.NOT_DISTINGUISHABLE
    assert one.difference == 1.0
    assert one.p is None
    assert "8 attacks cannot rank tools" in one.reason


def test_enough_attacks_and_a_clear_difference_do_rank():
    needed = attacks_needed(rule())
    found = [n % 10 < 8 for n in range(needed)]
    fewer = [n % 10 < 3 for n in range(needed)]
    one, other = (
        compare([ran("more", found), ran("fewer", fewer)]),
        compare([ran("fewer", fewer), ran("more", found)]),
    )
    assert (one[0].relation, other[0].relation) == (Relation.MORE, Relation.FEWER)
    assert one[0].low > 0
    assert one[0].p < 0.05
    assert (one[0].only_first, one[0].only_second) == (one[0].difference * needed, 0)


def test_enough_attacks_and_no_clear_difference_do_not():
    draw = random.Random(1)
    found = [[draw.random() < 0.5 for _ in range(60)] for _ in range(2)]
    (one,) = compare([ran("a", found[0]), ran("b", found[1])])
    assert one.relation is Relation.NOT_DISTINGUISHABLE
    assert "may be chance" in one.reason


def test_many_tools_at_once_are_corrected_for():
    needed = attacks_needed(rule())
    base = [True] * 6 + [False] * (needed - 6)
    tools = [ran("base", [False] * needed), *(ran(f"t{n}", base) for n in range(6))]
    assert compare(tools[:2])[0].relation is Relation.FEWER
    assert {one.relation for one in compare(tools)} == {Relation.NOT_DISTINGUISHABLE}


def test_tools_without_numbers_are_not_compared_and_other_packs_are_refused():
    assert compare([ran("a", [True] * 9), ran("void", [True] * 9, void=("broke",))]) == ()
    with pytest.raises(NotComparableError):
        compare([ran("a", [True]), ran("b", [True], sha256="q")])


def test_an_attack_counts_once_however_many_steps_it_has():
    many = ran("a", [True, False])
    steps = (
        *many.steps,
        *(replace(many.steps[0], step=f"x{n}") for n in range(8)),
        replace(many.steps[1], step="y", visible=False),
    )
    assert attack_scores(replace(many, steps=steps)) == {"a000": 1.0, "a001": 0.0}


@pytest.mark.parametrize("attacks", [8, 20, 36, 60])
def test_the_power_is_that_of_a_simulation(attacks):
    asked, draw = rule(), random.Random(5)
    favour = (asked.discordant + asked.difference) / 2
    shown = 0
    for _ in range(3000):
        rolls = [draw.random() for _ in range(attacks)]
        wins = sum(roll < favour for roll in rolls)
        losses = sum(favour <= roll < asked.discordant for roll in rolls)
        shown += wins > losses and mcnemar(wins, losses) <= asked.alpha
    assert power(attacks, asked) == pytest.approx(shown / 3000, abs=0.03)


def test_networks_that_differ_widen_what_is_pooled():
    alike, apart = pool([(8, 10)] * 5), pool([(2, 10), (9, 10), (5, 10), (10, 10), (7, 10)])
    assert alike.heterogeneity == 0
    assert apart.heterogeneity > 0
    assert apart.high - apart.low > alike.high - alike.low
    assert alike.low < alike.value < alike.high
    assert pool([(0, 5), (0, 7)]).value > 0
    for wrong in ([(1, 2)], [(1, 2), (3, 2)], [(1, 2), (0, 0)]):
        with pytest.raises(ValueError, match="two networks"):
            pool(wrong)


LOAD = AlertLoad(
    groups=9, findings=9, days=3, per_day=3.0, low=1, high=5, by_kind=(("secret-host rule", 9),)
)


def made():
    tools = [
        replace(ran("one", [True] * 9), load=LOAD),
        ran("two", [False] * 9),
        ran("gone", [True], void=("x",)),
    ]
    return card(small_audit(), tools, now=NOON)


def test_a_card_is_read_back_as_it_was_written():
    assert read_card(document(made())) == made()
    assert read_card(json.dumps(document(made())).encode()) == made()
    with pytest.raises(CardError, match="not a result card"):
        read_card(b"{}")
    with pytest.raises(CardError):
        read_card({})


def test_a_card_says_what_the_test_cannot_tell():
    weak = replace(small_audit(), claims=())
    found = card(weak, [ran("a", [True] * 50), ran("b", [False] * 50)], now=NOON)
    assert found.comparisons == ()
    assert len(found.limits) == 8


def test_a_signed_card_holds_for_its_key_alone():
    key = Ed25519PrivateKey.generate()
    found = verify(sign(made(), key), [key.public_key()])
    assert found.pack_sha256 == small_audit().pack_sha256
    assert found.content == made()
    with pytest.raises(UntrustedEnvelopeError):
        verify(sign(made(), key), [Ed25519PrivateKey.generate().public_key()])
    with pytest.raises(CardError, match="something else"):
        verify(seal(b"{}", "x", [key]), [key.public_key()])


def test_what_is_shared_holds_only_sums():
    key = Ed25519PrivateKey.generate()
    envelope = shared(made(), key)
    text = base64.b64decode(envelope["payload"]).decode()
    assert "secret-host" not in text
    assert "a000" not in text
    found = verify(envelope, [key.public_key()]).content
    assert found == aggregate(made().exercises, Grade.B, small_audit().policy, NOON.date())
    one, two, gone = found.tools
    assert one.false_alarms_a_day_up_to == 5.0
    assert one.techniques["T1000"] == (2, 2)
    assert two.techniques["T1000"] == (0, 2)
    assert (one.found, one.asked) == (9, 9)
    assert gone.void
