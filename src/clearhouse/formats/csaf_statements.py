"""Reads CSAF 2.0 and 2.1 documents as statements that an inventory can be matched with.

In: a parsed document. Out: a `Statement` for each vulnerability, or, faster, only the keys of the
products. Refused with `StatementError`: another version of CSAF, or a product tree that is nested
without end; the message names the field.

A product is known by its package URLs, by its CPE name, and by the names of vendor and product in
the branches above it. A list of products says nothing of versions that are not on it.

Source: CSAF 2.0, sections 3.2.2 (product tree) and 3.2.3 (vulnerabilities); CSAF 2.1, the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from clearhouse.formats import package_key, vers
from clearhouse.formats.osv_statements import Fields, StatementError, instant
from clearhouse.formats.purl import PurlError
from clearhouse.formats.statements import Claim, Details, Remedy, RemedyKind, Statement, Status
from clearhouse.formats.vers import VersError
from clearhouse.formats.version_match import Covers, Everything, Exactly, InRange

MAX_BRANCHES: Final = 200_000
_STATUSES: Final = {
    "first_affected": Status.AFFECTED,
    "known_affected": Status.AFFECTED,
    "last_affected": Status.AFFECTED,
    "first_fixed": Status.FIXED,
    "fixed": Status.FIXED,
    "known_not_affected": Status.NOT_AFFECTED,
    "under_investigation": Status.INVESTIGATING,
}
_REMEDIES: Final = {
    "vendor_fix": RemedyKind.FIX,
    "optional_patch": RemedyKind.FIX,
    "mitigation": RemedyKind.MITIGATION,
    "workaround": RemedyKind.WORKAROUND,
    "none_available": RemedyKind.NONE,
    "no_fix_planned": RemedyKind.NONE,
    "fix_planned": RemedyKind.NONE,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Product:
    """One product of the tree."""

    keys: tuple[tuple[str, str | None], ...]
    """Key and the version that the identifier itself states."""
    version: str | None = None
    range: str | None = None
    within: str | None = None


def recognised(document: Fields) -> bool:
    """Answer whether a document has the marks of CSAF."""
    head = document.get("document")
    return isinstance(head, Mapping) and "csaf_version" in head


def keys(document: Fields) -> set[str]:
    """Return the keys of all products that the document names.

    Raises: StatementError.
    """
    return {key for product in _products(document).values() for key, _ in product.keys}


def read(document: Fields) -> tuple[Statement, ...]:
    """Return what the document says, flaw by flaw.

    Raises: StatementError.
    """
    head = _object(document, "document")
    if head.get("csaf_version") not in {"2.0", "2.1"}:
        raise StatementError("document.csaf_version: 2.0 and 2.1 are read")
    products = _products(document)
    entries = _objects(document, "vulnerabilities")
    return tuple(
        _statement(head, entry, index, products, alone=len(entries) == 1)
        for index, entry in enumerate(entries)
    )


def _statement(
    head: Fields, entry: Fields, index: int, products: Mapping[str, _Product], *, alone: bool
) -> Statement:
    tracking, publisher = _object(head, "tracking"), _object(head, "publisher")
    own = str(tracking.get("id") or "")
    ids = [entry.get("cve"), *(one.get("text") for one in _objects(entry, "ids"))]
    names = [one for one in ids if isinstance(one, str) and one]
    if alone and own:
        names.append(own)
    faults: list[str] = []
    withdrawn = head.get("category") in {"csaf_withdrawn", "csaf_superseded"}
    return Statement(
        id=names[0] if names else f"{own}#{index + 1}",
        document=own,
        form="csaf",
        aliases=tuple(names[1:]),
        withdrawn=datetime.min.replace(tzinfo=UTC) if withdrawn else None,
        by_vendor=publisher.get("category") == "vendor",
        claims=tuple(_claims(entry, index, products, faults)),
        faults=tuple(faults),
    )


def details(document: Fields, index: int) -> Details:
    """Return the rest of what the document says of its flaw of that number, from 0."""
    head = _object(document, "document")
    entry = _objects(document, "vulnerabilities")[index]
    tracking = _object(head, "tracking")
    return Details(
        title=_text(entry.get("title")) or _text(head.get("title")),
        published=instant(tracking.get("initial_release_date")),
        vectors=tuple(dict.fromkeys(_vectors(entry))),
        cwes=tuple(str(one["id"]) for one in _weaknesses(entry) if "id" in one),
        remedies=tuple(_remedies(entry)),
        links=tuple(str(one["url"]) for one in _objects(entry, "references") if "url" in one),
        exploited=any(
            one.get("category") == "exploit_status" and "date" in one
            for one in _objects(entry, "threats")
        ),
    )


def _claims(
    entry: Fields, index: int, products: Mapping[str, _Product], faults: list[str]
) -> Iterator[Claim]:
    statuses = _object(entry, "product_status")
    for name, listed in statuses.items():
        status = _STATUSES.get(name)
        for id_ in listed if isinstance(listed, list) and status is not None else []:
            place = f"vulnerabilities[{index}].product_status.{name}"
            product = products.get(id_) if isinstance(id_, str) else None
            if product is None:
                faults.append(f"{place}: names a product that the product tree does not have")
            elif not product.keys:
                faults.append(f"{place}: a product has no name that software could be matched by")
            elif status is not None:
                yield from _of_product(product, str(id_), status, place, faults)


def _of_product(
    product: _Product, id_: str, status: Status, place: str, faults: list[str]
) -> Iterator[Claim]:
    for key, stated in product.keys:
        scheme = vers.scheme_of(key.partition("|")[0])
        try:
            covers, whole = _covers(product, scheme, stated)
        except VersError as error:
            faults.append(f"{place} ({id_}): {error}")
            continue
        yield Claim(
            key=key,
            status=status,
            covers=covers,
            place=place,
            scheme=scheme,
            product=id_,
            whole=whole,
            within=product.within,
        )


def _covers(product: _Product, scheme: str | None, stated: str | None) -> tuple[Covers, bool]:
    """Return the versions of a product, and whether they are all that it says about."""
    if product.range is not None:
        return InRange(range=vers.parse(product.range)), True
    version = stated or product.version
    if version is None:
        return Everything(), True
    return Exactly(scheme=scheme, version=version), False


def _products(document: Fields) -> dict[str, _Product]:
    tree = _object(document, "product_tree")
    found: dict[str, _Product] = {}
    pending: list[tuple[Fields, dict[str, str]]] = [
        (one, {}) for one in reversed(_objects(tree, "branches"))
    ]
    steps = 0
    while pending:
        branch, above = pending.pop()
        steps += 1
        if steps > MAX_BRANCHES:
            raise StatementError(f"product_tree.branches: more than {MAX_BRANCHES} branches")
        path = {**above, str(branch.get("category")): str(branch.get("name"))}
        _add(found, branch.get("product"), path)
        pending.extend((one, path) for one in reversed(_objects(branch, "branches")))
    for one in _objects(tree, "full_product_names"):
        _add(found, one, {})
    for one in _objects(tree, "relationships"):
        _relate(found, one)
    return found


def _add(found: dict[str, _Product], product: object, path: Mapping[str, str]) -> None:
    if not isinstance(product, Mapping) or not isinstance(product.get("product_id"), str):
        return
    helper = _object(product, "product_identification_helper")
    name = path.get("product_name") or path.get("product_family")
    named = package_key.of_product(path.get("vendor"), name) if name else None
    known = [*_identified(helper), *([(named, None)] if named else [])]
    found[product["product_id"]] = _Product(
        keys=tuple(dict(known).items()),
        version=path.get("product_version"),
        range=path.get("product_version_range"),
    )


def _identified(helper: Fields) -> Iterator[tuple[str, str | None]]:
    listed = helper.get("purls")
    purls = [helper.get("purl"), *(listed if isinstance(listed, list) else [])]
    for text in purls:
        key = package_key.of_purl(text) if isinstance(text, str) else None
        if key is not None:
            yield key, _purl_version(str(text))
    cpe = package_key.of_cpe(str(helper.get("cpe") or ""))
    if cpe is not None:
        yield cpe


def _purl_version(text: str) -> str | None:
    try:
        return package_key.read_purl(text).version
    except PurlError:
        return None


def _relate(found: dict[str, _Product], relation: Fields) -> None:
    """Let a product that is part of another be matched by the part, and say what it is part of."""
    whole = _object(relation, "full_product_name")
    part = found.get(str(relation.get("product_reference")))
    if part is not None and isinstance(whole.get("product_id"), str):
        found[str(whole["product_id"])] = _Product(
            keys=part.keys,
            version=part.version,
            range=part.range,
            within=str(relation.get("relates_to_product_reference")),
        )


def _remedies(entry: Fields) -> Iterator[Remedy]:
    for one in _objects(entry, "remediations"):
        kind, text = _REMEDIES.get(str(one.get("category"))), _text(one.get("details"))
        listed = one.get("product_ids")
        if kind is not None and text is not None:
            yield Remedy(
                kind=kind,
                text=text,
                products=frozenset(map(str, listed)) if isinstance(listed, list) else frozenset(),
            )


def _vectors(entry: Fields) -> Iterator[str]:
    contents = [*_objects(entry, "scores")]
    contents += [_object(one, "content") for one in _objects(entry, "metrics")]
    for content in contents:
        for name in ("cvss_v4", "cvss_v3", "cvss_v2"):
            vector = _object(content, name).get("vectorString")
            if isinstance(vector, str):
                yield vector


def _weaknesses(entry: Fields) -> list[Fields]:
    return [_object(entry, "cwe"), *_objects(entry, "cwes")]


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _object(fields: Fields, name: str) -> Fields:
    found = fields.get(name)
    return found if isinstance(found, Mapping) else {}


def _objects(fields: Fields, name: str) -> list[Fields]:
    listed = fields.get(name)
    return [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
