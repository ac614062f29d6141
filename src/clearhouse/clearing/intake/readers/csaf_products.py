"""Look up what a CSAF document's product ids stand for.

In comes the product tree; out comes a table from product id to package, name and version. Loops
and repeated ids, which the standard forbids, are harmless: the first statement counts.

Source: CSAF 2.0 §3.1.2, §3.1.3, §3.2.2; CSAF 2.1 §3.1.2, §3.1.3, §3.2.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from clearhouse.clearing.intake.readers.document import Node
from clearhouse.formats.purl import PurlError
from clearhouse.formats.purl import parse as parse_purl

MAX_PRODUCTS = 20_000
_VERSIONS = {"product_version", "product_version_range"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """One product id, resolved."""

    name: str | None
    """Of the branch `product_name`, else the product's full name."""
    purl: str | None
    version: str | None
    """One version, or a vers range."""

    @property
    def package(self) -> str | None:
        """What tells products of one package from those of another."""
        return self.purl or self.name


def products(tree: Node) -> dict[str, Product]:
    """Resolve every product of the tree."""
    found: dict[str, Product] = {}
    for product_id, product in _all(tree):
        found.setdefault(product_id, product)
        if len(found) >= MAX_PRODUCTS:
            break
    for name in ("relationships", "product_paths"):
        for one in tree.nodes(name):
            _add_related(one, found)
    return found


def _all(tree: Node) -> Iterator[tuple[str, Product]]:
    for full in tree.nodes("full_product_names"):
        yield from _product(full, None, None)
    pending: list[tuple[Node, str | None, str | None]] = [
        (branch, None, None) for branch in tree.nodes("branches")
    ]
    while pending:
        branch, name, version = pending.pop()
        category, own = branch.text("category"), branch.text("name")
        name = own if category == "product_name" else name
        version = own if category in _VERSIONS else version
        yield from _product(branch.node("product"), name, version)
        pending.extend((inner, name, version) for inner in branch.nodes("branches"))


def _product(full: Node, name: str | None, version: str | None) -> Iterator[tuple[str, Product]]:
    product_id = full.text("product_id")
    if product_id is None:
        return
    helper = full.node("product_identification_helper")
    identity, stated = _package(helper)
    yield (
        product_id,
        Product(name=name or full.text("name"), purl=identity, version=version or stated),
    )


def _package(helper: Node) -> tuple[str | None, str | None]:
    """Return identity and version of the first package URL; 2.0 has one, 2.1 a list."""
    one = helper.text("purl")
    for text in (*([one] if one else []), *helper.texts("purls")):
        try:
            found = parse_purl(text)
        except PurlError:
            continue
        return found.identity, found.version
    return None, None


def _add_related(related: Node, found: dict[str, Product]) -> None:
    """Let a combined product stand for the component that it is made of."""
    whole = related.node("full_product_name")
    component = related.text("product_reference") or related.text("beginning_product_reference")
    product_id = whole.text("product_id")
    if product_id is not None and component in found:
        found.setdefault(product_id, found[component])
