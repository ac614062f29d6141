"""Result cards made of plain records, for tests that need no recording."""

import base64
from dataclasses import replace
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clearhouse.app import HOUSE
from clearhouse.defense.compare.card import card, shared, sign
from clearhouse.defense.exercise.record import (
    AlertLoad,
    BudgetPoint,
    Cost,
    Detection,
    Exercise,
    StepResult,
    SurvivalPoint,
    Tier,
    TimeToDetect,
    share,
)
from clearhouse.defense.keep import operations as keep
from clearhouse.defense.scenario.grade import Audit, Check, Claim, Grade
from clearhouse.kernel.clock import system_clock
from clearhouse.kernel.identity import PartyKind
from house import person

HOSPITALS = ("Valley Hospital", "Hill Hospital", "Lake Hospital")
DIGEST = "ab" * 32


def audit(digest=DIGEST):
    check = Check(name="renamed", grade=Grade.B, value=0.1, words="1 of 10 techniques")
    return Audit(
        pack="office-1", pack_sha256=digest, policy="audit/1", grade=Grade.B, claims=tuple(Claim),
        checks=(check,), events=100, attacks=5, steps=10,
    )  # fmt: skip


def exercise(tool="acme", *, found=6, version="1", digest=DIGEST, kind="a rule of acme"):
    """Ten steps of five attacks, of which the first so many were found in the right place."""
    steps = tuple(
        StepResult(
            step=f"s{number}", attack=f"a{number // 2}", technique=f"T100{number % 3}.001",
            visible=True, reached=(Tier.ANY, Tier.PLACE) if number < found else (Tier.ANY,),
            delay_s=60.0 if number < found else None,
        )
        for number in range(10)
    )  # fmt: skip
    place = share(found, 10)
    load = AlertLoad(
        groups=12, findings=20, days=4, per_day=3, low=1.5, high=5.2, by_kind=((kind, 12),)
    )
    curve = tuple(
        SurvivalPoint(seconds=at, unseen=left, low=max(0, left - 0.2), high=min(1, left + 0.2))
        for at, left in ((0, 1.0), (60, 1 - found / 10))
    )
    return Exercise(
        tool=tool, version=version, pack="office-1", pack_sha256=digest, grade="B", void=(),
        at=system_clock(), steps=steps, load=load,
        detection=tuple(
            Detection(tier=one, found=place, chance=0.1, lift=0.5) for one in Tier
        ),
        budget=tuple(
            BudgetPoint(groups_per_day=one, found=place) for one in (1, 2, 5, 10, 20, 50, 100, 200)
        ),
        time=TimeToDetect(curve=curve, attacks=5, missed=2, median_s=60, restricted_mean_s=900,
                          horizon_s=86_400),
        cost=Cost(seconds=2, queries=None, tokens=None, money=None, money_per_step=None),
    )  # fmt: skip


def whole(**more):
    """A card of one tool and the two baselines."""
    made = exercise(**more)
    others = [exercise(tool, found=4, digest=made.pack_sha256) for tool in ("sigma", "rarity")]
    return card(audit(made.pack_sha256), [made, *others], now=made.at)


def public(key):
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


class Network:
    """An organisation that runs a tool on its own network, signs what came of it, and hands it in."""

    def __init__(self, app, name, *, analyst):
        self.app = app
        self.person = operator(app, name)
        self.key = Ed25519PrivateKey.generate()
        with app.desk.database.transaction(analyst.actor_id) as transaction:
            self.key_id = keep.trust_key(
                app.desk, transaction, analyst, self.person.party_id, self.key.public_key()
            )

    def hand_in(self, envelope):
        with self.app.desk.database.transaction(self.person.actor_id) as transaction:
            return keep.hand_in(self.app.desk, transaction, self.person, envelope)

    def whole(self, **more):
        return self.hand_in(sign(whole(**more), self.key))

    def shared(self, *, later=0, **more):
        made = whole(**more)
        return self.hand_in(
            shared(replace(made, made_at=made.made_at + timedelta(days=later)), self.key)
        )


def operator(app, name):
    return person(app, name, PartyKind.OPERATOR, f"Olga of {name}", "defense_operator")


def people(app):
    """Everybody that `pooled_networks` needs."""
    return [analyst(app), *(operator(app, name) for name in HOSPITALS)]


def analyst(app):
    return person(app, HOUSE, PartyKind.COORDINATOR, "Dee Defender", "defense_analyst")


def pooled_networks(app, **more):
    """Three networks that shared the same tool, a card of the first, and the released pool."""
    dee = analyst(app)
    networks = [Network(app, name, analyst=dee) for name in HOSPITALS]
    card_id = networks[0].whole(**more)
    for place, one in enumerate(networks):
        one.shared(found=4 + 2 * place, digest=f"{place}{place}" * 32, **more)
    with app.desk.database.transaction(dee.actor_id) as transaction:
        return networks, card_id, keep.release(app.desk, transaction, dee)
