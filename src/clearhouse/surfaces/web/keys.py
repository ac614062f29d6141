"""The keys of the desk and the places it has, in one table.

The help, its page, and the attributes by which the script finds what a key presses come from here,
so that none can say what another does not do. Everything works without keys, and keys can be
switched off (WCAG 2.2, 2.1.4): they are single letters, which speech input may type by chance.
"""

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A page of the desk that a letter leads to, after `g`."""

    address: str
    name: str
    key: str
    within: str | None = None
    """The place under whose name it stands; None for those in the head of every page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """What one key does, and where."""

    name: str
    """By which templates call it."""
    key: str
    does: str
    where: str


PLACES: Final = (
    Place(address="/", name="Today", key="t"),
    Place(address="/decide", name="Decide", key="e"),
    Place(address="/reports", name="Reports", key="r"),
    Place(address="/cases", name="Cases", key="c"),
    Place(address="/threads", name="Messages", key="m"),
    Place(address="/leases", name="Leases", key="s"),
    Place(address="/access", name="Access", key="a"),
    Place(address="/criteria", name="Criteria", key="p"),
    Place(address="/defense", name="Defense", key="d"),
    Place(address="/ledger", name="Ledger", key="l"),
    Place(address="/me", name="You", key="y"),
    Place(address="/tour", name="Tour", key="o", within="/"),
    Place(address="/pacing", name="Pacing", key="w", within="/cases"),
    Place(address="/agents", name="Agents", key="b", within="/ledger"),
    Place(address="/exports", name="Exports", key="x", within="/ledger"),
)

EVERYWHERE, LISTS, DECIDING = "Everywhere", "In lists", "When deciding about a pair"
KEYS: Final = (
    Key(name="help", key="?", does="show these keys, or put them away", where=EVERYWHERE),
    Key(name="go", key="g", does="go to a page: then its letter", where=EVERYWHERE),
    Key(name="search", key="/", does="to the filters", where=EVERYWHERE),
    Key(name="undecided", key="n", does="next undecided pair", where=EVERYWHERE),
    Key(name="down", key="j", does="next row", where=LISTS),
    Key(name="up", key="k", does="row before", where=LISTS),
    Key(name="open", key="Enter", does="open the row", where=LISTS),
    Key(name="same", key="a", does="accept: the same bug", where=DECIDING),
    Key(name="sibling", key="s", does="sibling: the same flaw elsewhere", where=DECIDING),
    Key(name="different", key="d", does="different bugs", where=DECIDING),
    Key(name="undo", key="u", does="take the last decision back", where=DECIDING),
    Key(name="split", key="x", does="to the reports that can be split off", where=DECIDING),
)
_BY_NAME: Final = {one.name: one for one in KEYS}


def stands_under(place: Place, path: str) -> bool:
    """Say whether a page is a place, or within one that stands under it."""
    inner = [one.address for one in PLACES if one.within == place.address]
    if place.address != "/":
        inner.append(place.address)
    return path == place.address or any(path.startswith(one) for one in inner)


def pressed_by(name: str) -> Markup:
    """Return the attributes of whatever this key presses.

    Raises: KeyError for a name that the table does not have.
    """
    key = _BY_NAME[name].key
    return Markup('data-press="{}" aria-keyshortcuts="{}"').format(key, key)


def bindings() -> Markup:
    """Return, as attributes, the keys that the script itself acts on."""
    own = ("help", "go", "search", "down", "up")
    return Markup(" ").join(Markup('data-{}="{}"').format(name, _BY_NAME[name].key) for name in own)


def sections() -> list[tuple[str, list[Key]]]:
    """Return the keys by where they work, for the help."""
    return [
        (where, [one for one in KEYS if one.where == where])
        for where in (EVERYWHERE, LISTS, DECIDING)
    ]


def key_of(name: str) -> str:
    """Return the key itself, for the label beside it.

    Raises: KeyError.
    """
    return _BY_NAME[name].key
