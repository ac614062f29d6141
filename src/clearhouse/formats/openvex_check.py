"""Whether an OpenVEX document says something that can be acted upon.

In: a parsed document and the reader's clock. Out: every fault with its place. Refused: nothing
here raises. Documents of the first draft (ids and products as bare texts) have faults here: version
0.2.0 is what is judged.
Source: OpenVEX 0.2.0, "Document data fields" and "Statement data fields".
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from clearhouse.formats.fault import Fault, at, future
from clearhouse.formats.strict_json import Json

_RULE: Final = "openvex 0.2.0"
CONTEXT: Final = "https://openvex.dev/ns/v0.2.0"
_NEEDED: Final = ("@context", "@id", "author", "timestamp", "version", "statements")
_MAY: Final = (*_NEEDED, "role", "last_updated", "tooling")
_SAYS: Final = frozenset(
    {"@id", "version", "vulnerability", "timestamp", "last_updated", "products", "status"}
    | {"supplier", "status_notes", "justification", "impact_statement", "action_statement"}
    | {"action_statement_timestamp"}
)
_STATUSES: Final = ("not_affected", "affected", "fixed", "under_investigation")
_JUSTIFICATIONS: Final = (
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
)
_IDENTIFIERS: Final = frozenset({"purl", "cpe22", "cpe23"})


def faults(document: Mapping[str, Json], now: datetime) -> Iterator[Fault]:
    """Yield everything that is wrong with a document."""
    for name in _NEEDED:
        if name not in document:
            yield _fault("", f"has no {name}")
    for name in document:
        if name not in _MAY:
            yield _fault(at("", name), "is no field of the format")
    yield from _head(document, now)
    statements = document.get("statements")
    if "statements" in document and (not isinstance(statements, list) or not statements):
        yield _fault("/statements", "has no statement")
    for index, one in enumerate(statements if isinstance(statements, list) else []):
        yield from _statement(one, at("", "statements", index), now)


def _head(document: Mapping[str, Json], now: datetime) -> Iterator[Fault]:
    context = document.get("@context", CONTEXT)
    if not isinstance(context, str) or not context.startswith("https://openvex.dev/ns"):
        yield _fault("/@context", "is no context of OpenVEX")
    for name in ("@id", "author", "role", "tooling"):
        if name in document and not isinstance(document[name], str):
            yield _fault(at("", name), "is no text")
    version = document.get("version", 1)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        yield _fault("/version", "is no number from 1 on")
    for name in ("timestamp", "last_updated"):
        if name in document:
            yield from future(document[name], at("", name), now, _RULE)


def _fault(place: str, reason: str) -> Fault:
    return Fault(place=place, reason=reason, rule=_RULE)


def _statement(one: Json, place: str, now: datetime) -> Iterator[Fault]:
    if not isinstance(one, dict):
        yield _fault(place, "is no object")
        return
    for name in one:
        if name not in _SAYS:
            yield _fault(at(place, name), "is no field of a statement")
    for name in ("timestamp", "last_updated", "action_statement_timestamp"):
        if name in one:
            yield from future(one[name], at(place, name), now, _RULE)
    vulnerability = one.get("vulnerability")
    if not isinstance(vulnerability, dict) or not isinstance(vulnerability.get("name"), str):
        yield _fault(at(place, "vulnerability"), "names no vulnerability")
    yield from _status(one, place)
    products = one.get("products", [])
    for index, product in enumerate(products if isinstance(products, list) else [None]):
        yield from _product(product, at(place, "products", index), nested=True)


def _status(one: dict[str, Json], place: str) -> Iterator[Fault]:
    status = one.get("status")
    if status not in _STATUSES:
        yield _fault(at(place, "status"), f"is none of {', '.join(_STATUSES)}")
    reasons = {"justification", "impact_statement"} & one.keys()
    if status == "not_affected" and not reasons:
        yield _fault(place, "says not_affected without a justification or an impact_statement")
    if status == "affected" and "action_statement" not in one:
        yield _fault(place, "says affected without an action_statement")
    if "justification" in one and one["justification"] not in _JUSTIFICATIONS:
        yield _fault(at(place, "justification"), "is no justification of the format")


def _product(product: Json, place: str, *, nested: bool) -> Iterator[Fault]:
    if not isinstance(product, dict):
        yield _fault(place, "is no object")
        return
    identifiers = product.get("identifiers")
    if "@id" not in product and not identifiers:
        yield _fault(place, "has neither an @id nor identifiers")
    if "@id" in product and not isinstance(product["@id"], str):
        yield _fault(at(place, "@id"), "is no text")
    if identifiers is not None and not (
        isinstance(identifiers, dict) and identifiers and identifiers.keys() <= _IDENTIFIERS
    ):
        yield _fault(at(place, "identifiers"), f"is none of {', '.join(sorted(_IDENTIFIERS))}")
    inner = product.get("subcomponents", [])
    if nested:
        for index, one in enumerate(inner if isinstance(inner, list) else [None]):
            yield from _product(one, at(place, "subcomponents", index), nested=False)
