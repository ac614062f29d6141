"""One short name for a package, product or platform, by which inventories and advisories meet.

In: a package URL, an ecosystem with a name, a CPE name, or a vendor with a product. Out: a key:
two that name the same thing give the same key, and reading one costs a microsecond or two, so that
whole databases can be keyed. Refused, as None: what names nothing.

A key folds case where registries do: NuGet and crates.io take no two names that differ in case
alone. Packages of another repository than the usual one keep their whole identity as the key.

Source: ECMA-427 (package URL); CPE 2.3 (NISTIR 7695), well-formed names; PEP 503.
"""

import re
from typing import Final
from urllib.parse import unquote

from clearhouse.formats.purl import Purl, PurlError, identity, parse, type_of

_FOLDED: Final = frozenset(
    {"apk", "bitnami", "cargo", "composer", "deb", "github", "golang", "hex", "npm", "nuget"}
    | {"pub", "pypi", "rpm", "swift", "vscode-extension"}
)
_BY_OWNER: Final = frozenset({"apk", "deb", "name", "osv", "rpm"})
_SEPARATORS: Final = re.compile(r"[-_.]+")
_PLAIN: Final = re.compile(
    r"pkg:(?:(npm)/(?:%40([a-z0-9][a-z0-9.-]*)/)?|(maven|golang)/((?:[a-z0-9][a-z0-9.-]*/)+)|(pypi|cargo)/)"
    r"([a-z0-9][a-z0-9-]*)(?:@([A-Za-z0-9][A-Za-z0-9.-]*))?"
)
"""Package URLs that are canonical already, which most are."""
_APART: Final = ("repository_url=", "uuid=", "tag_id=")
_CPE_PARTS: Final = re.compile(r"(?<!\\):")


def read_purl(text: str) -> Purl:
    """Return the canonical parts of a package URL, as `purl.parse` does, the usual ones faster.

    Raises: `PurlError`.
    """
    plain = _PLAIN.fullmatch(text)
    if plain is None:
        return parse(text)
    npm, scope, spaced, namespace, single, name, version = plain.groups()
    inner = f"@{scope}" if scope else namespace[:-1] if namespace else None
    return Purl(type=npm or spaced or single, namespace=inner, name=name, version=version)


def of_purl(text: str) -> str | None:
    """Return the key of a package URL, or None when it is none."""
    if any(mark in text for mark in _APART):
        try:
            return f"id|{identity(text)}"
        except PurlError:
            return None
    path = text.partition("#")[0].partition("?")[0].strip()
    if path[:4].lower() != "pkg:":
        return None
    type_, slash, rest = path[4:].strip("/").partition("/")
    at = rest.rfind("@", max(rest.rfind("/"), 0) + 1)
    name = unquote(rest[:at] if at > 0 else rest)
    return _key(type_.lower(), name) if slash and name else None


def of_package(purl: Purl) -> str | None:
    """Return the key of a package URL in parts."""
    return of_purl(str(purl))


def of_ecosystem(ecosystem: str, name: str) -> str:
    """Return the key of a package as OSV names it; a release of the ecosystem is no part of it."""
    family = ecosystem.partition(":")[0]
    known = type_of(family)
    if known is None:
        return f"osv|{family.lower()}/{name}"
    type_, namespace = known
    if namespace is not None:
        name = f"{namespace}/{name}"
    elif type_ == "maven":
        name = name.replace(":", "/")
    return _key(type_, name)


def of_cpe(text: str) -> tuple[str, str | None] | None:
    """Return key and version of a CPE name, in the form of 2.3 or of 2.2; None when it is none."""
    if text.startswith("cpe:2.3:"):
        parts = [re.sub(r"\\(.)", r"\1", part) for part in _CPE_PARTS.split(text)[2:]]
    elif text.startswith("cpe:/"):
        parts = [unquote(part) for part in text[5:].split(":")]
    else:
        return None
    if len(parts) < 3 or not parts[1] or not parts[2] or {parts[1], parts[2]} & {"*", "-"}:
        return None
    version = parts[3] if len(parts) > 3 and parts[3] not in {"", "*", "-"} else None
    return f"cpe|{parts[1]}:{parts[2]}".lower(), version


def of_product(vendor: str | None, product: str) -> str | None:
    """Return the key of a product by its names, blanks and case aside; None without a vendor."""
    if vendor is None:
        return None
    both = (" ".join(part.lower().split()) for part in (vendor, product))
    return "name|" + "/".join(both)


def kind_of(key: str) -> str:
    """Return what a source must know to say anything about a key: an ecosystem, or one vendor.

    A database of one distribution, or the advisories of one vendor, say nothing of another's.
    """
    type_, _, name = key.partition("|")
    if type_ in _BY_OWNER:
        return f"{type_}|{name.partition('/')[0]}"
    return f"{type_}|{name.partition(':')[0]}" if type_ == "cpe" else type_


def _key(type_: str, name: str) -> str:
    if type_ == "pypi":
        name = _SEPARATORS.sub("-", name)
    return f"{type_}|{name.lower() if type_ in _FOLDED else name}"
