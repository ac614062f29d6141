"""What is decided is released in one instant, and the feed of it never goes back."""

import json
import shutil
from datetime import UTC, datetime

import pytest

from casebook import accepted, move, set_clock
from clearhouse.clearing.publish import operations, release
from clearhouse.formats import feed_reading
from clearhouse.formats.feed_faults import Code, FeedError
from clearhouse.kernel.identity import PartyKind
from clearhouse.kernel.policy import ForbiddenError
from house import analyst, person
from providers import seen

NOW = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)


@pytest.fixture
def house(app):
    set_clock(app, NOW)
    accepted(app)
    move(app, days=30)
    assert operations.publish_due(app.desk) == ["CLR-2026-00001"]
    return app


def read(app, known=None):
    """Read the feed of a house as a stranger who remembers."""
    folder = app.desk.published_folder
    chain = feed_reading.read_keys((folder / "feed/keys.json").read_bytes(), known=known)
    return feed_reading.read_manifest(
        (folder / "feed/manifest.json").read_bytes(), chain, at=app.desk.database.clock(),
        known=known,
    )  # fmt: skip


def test_a_release_brings_its_feed_and_the_ledger_knows_it(house):
    opened = read(house)
    assert (opened.manifest.sequence, opened.manifest.advisories) == (1, 1)
    with house.desk.database.transaction(house.desk.clearing_actor.actor_id) as transaction:
        rows = transaction.all("SELECT body FROM ledger_event WHERE kind = 'feed.issued'")
    assert [json.loads(row["body"])["data"]["sequence"] for row in rows] == [1]


def test_the_feed_is_signed_anew_before_its_life_ends_and_not_sooner(house):
    known = read(house).known
    move(house, hours=23)
    assert not release.renew(house.desk)
    move(house, hours=2)
    assert release.renew(house.desk)
    assert read(house, known).manifest.sequence == 2
    move(house, days=8)
    with pytest.raises(FeedError) as caught:
        read(house, known)
    assert caught.value.fault.code is Code.EXPIRED


def test_a_folder_that_was_lost_comes_back_the_same_and_the_feed_goes_on(house):
    known, before = read(house).known, seen(house.desk.published_folder)
    shutil.rmtree(house.desk.published_folder)
    assert not release.renew(house.desk)
    assert release.rebuild(house.desk) == 1
    assert read(house, known).manifest.sequence == 2
    after = seen(house.desk.published_folder)
    again = {path for path in before if before[path] != after.get(path)}
    assert again == {"feed/manifest.json"}


def test_new_keys_are_led_to_by_the_old_and_sign_everything_anew(house):
    known, before = read(house).known, seen(house.desk.published_folder)
    with pytest.raises(ForbiddenError):
        release.rotate_keys(house.desk, analyst(house))
    assert (
        release.rotate_keys(
            house.desk, person(house, "House", PartyKind.COORDINATOR, "Ada", "administrator")
        )
        == 2
    )
    opened = read(house, known)
    assert (opened.manifest.keys_version, len(opened.chain.lists)) == (2, 2)
    assert opened.chain.lists[0].keys != opened.chain.lists[1].keys
    signature = "csaf/white/2026/clr-2026-00001.json.asc"
    assert seen(house.desk.published_folder)[signature] != before[signature]
