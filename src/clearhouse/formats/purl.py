"""Package URLs: one spelling for one package.

In: a package URL as somebody wrote it, or an ecosystem and a name as OSV has them. Out: the
canonical spelling, and the identity of the package, which is the same text for every version,
build and file of it. Refused with `PurlError`: what is no package URL or breaks a rule of its
type, with a reason that names the rule and never repeats the input.

packageurl-python does the splitting and most of the normalizing; this module adds the rules of
newer type definitions, encodes qualifier values as the standard now does, and knows the
ecosystems of OSV.

Identity goes one step beyond the canonical form for PyPI: there `zope.interface` and
`zope-interface` are one project, while the canonical form keeps the dot.

Source: ECMA-427 (package URL); PEP 503 (PyPI names); OSV schema 1.7.5, `affected[].package`.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from packageurl import PackageURL

MAX_LENGTH: Final = 2048
"""Characters; the limit that the CVE record format sets for a package URL."""

_NAMESPACE_REQUIRED: Final = frozenset({"swift", "vscode-extension"})
_NAMESPACE_PROHIBITED: Final = frozenset(
    {"bitnami", "cargo", "cocoapods", "conda", "cran", "gem", "hackage"}
    | {"nuget", "oci", "otp", "pub", "pypi", "vcpkg"}
)
_LOWERED: Final = frozenset({"brew", "npm"})
"""Types whose namespace and name have no case, where the library does not lower both."""
_DEFAULT_REPOSITORIES: Final = {
    "cargo": "crates.io",
    "gem": "rubygems.org",
    "maven": "repo.maven.apache.org/maven2",
    "npm": "registry.npmjs.org",
    "nuget": "www.nuget.org",
    "pypi": "pypi.org",
}
_CHROME_ID: Final = re.compile(r"[a-p]{32}")
_CHROME_VERSION: Final = re.compile(r"\d{1,5}(\.\d{1,5}){0,3}")

_TYPES: Final = {
    "Bioconductor": "bioconductor",
    "Bitnami": "bitnami",
    "ConanCenter": "conan",
    "CRAN": "cran",
    "crates.io": "cargo",
    "GitHub Actions": "github",
    "Go": "golang",
    "Hackage": "hackage",
    "Hex": "hex",
    "Julia": "julia",
    "Maven": "maven",
    "npm": "npm",
    "NuGet": "nuget",
    "opam": "opam",
    "OSS-Fuzz": "generic",
    "Packagist": "composer",
    "Pub": "pub",
    "PyPI": "pypi",
    "RubyGems": "gem",
    "SwiftURL": "swift",
    "VSCode": "vscode-extension",
}
_DISTRIBUTIONS: Final = {
    "AlmaLinux": ("rpm", "almalinux"),
    "Alpaquita": ("apk", "alpaquita"),
    "Alpine": ("apk", "alpine"),
    "Azure Linux": ("rpm", "azure-linux"),
    "Chainguard": ("apk", "chainguard"),
    "Debian": ("deb", "debian"),
    "Echo": ("deb", "echo"),
    "Mageia": ("rpm", "mageia"),
    "MinimOS": ("apk", "minimos"),
    "openEuler": ("rpm", "openeuler"),
    "openSUSE": ("rpm", "opensuse"),
    "Photon OS": ("rpm", "photon"),
    "Red Hat": ("rpm", "redhat"),
    "Rocky Linux": ("rpm", "rocky-linux"),
    "SUSE": ("rpm", "suse"),
    "Ubuntu": ("deb", "ubuntu"),
    "Wolfi": ("apk", "wolfi"),
}
_ECOSYSTEMS: Final = {type_: name for name, type_ in _TYPES.items() if name != "OSS-Fuzz"}
_DISTRIBUTION_OF: Final = {pair: name for name, pair in _DISTRIBUTIONS.items()}


class PurlError(ValueError):
    """The text is not a package URL, or breaks a rule of its type."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Purl:
    """One package URL in canonical parts; `str()` gives the canonical text."""

    type: str
    namespace: str | None = None
    name: str
    version: str | None = None
    qualifiers: tuple[tuple[str, str], ...] = ()
    """Key and decoded value, sorted by key."""
    subpath: str | None = None

    def __str__(self) -> str:
        path = "/".join(part for part in (self.namespace, self.name) if part)
        text = f"pkg:{self.type}/{_encoded(path, keep='/')}"
        if self.version:
            text += f"@{_encoded(self.version)}"
        if self.qualifiers:
            text += "?" + "&".join(f"{key}={_encoded(value)}" for key, value in self.qualifiers)
        return f"{text}#{_encoded(self.subpath, keep='/')}" if self.subpath else text

    @property
    def identity(self) -> str:
        """The package whatever its version: no version, file, architecture or subpath.

        A repository other than the usual one stays, since the same name there is another package.
        """
        name = re.sub(r"[-_.]+", "-", self.name) if self.type == "pypi" else self.name
        kept = tuple(pair for pair in self.qualifiers if self._tells_apart(*pair))
        return str(Purl(type=self.type, namespace=self.namespace, name=name, qualifiers=kept))

    def _tells_apart(self, key: str, value: str) -> bool:
        if key == "repository_url":
            plain = re.sub(r"^https?://", "", value).rstrip("/")
            return plain.removesuffix("/simple") != _DEFAULT_REPOSITORIES.get(self.type)
        return (self.type, key) in {("julia", "uuid"), ("swid", "tag_id")}


@lru_cache(maxsize=4096)
def parse(text: str) -> Purl:
    """Return the canonical parts of a package URL.

    Raises: `PurlError` when the text is too long, is no package URL, or breaks a rule of its type.
    """
    if len(text) > MAX_LENGTH:
        raise PurlError(f"package URL is longer than {MAX_LENGTH} characters")
    path = text.strip().partition("#")[0].partition("?")[0]
    if re.search(r"/@[^/]*$", path):
        raise PurlError("package URL has no name")
    once = _checked(_read(text))
    # A blank or slash that hid behind percent-encoding is dropped only on a second reading.
    return _checked(_read(str(once)))


def build(
    *,
    type: str,  # noqa: A002  # the standard's name for this part
    name: str,
    namespace: str | None = None,
    version: str | None = None,
    qualifiers: dict[str, str] | None = None,
    subpath: str | None = None,
) -> Purl:
    """Return the canonical package URL of its parts.

    Raises: `PurlError` when a part is missing or breaks a rule of the type.
    """
    try:
        found = PackageURL(type, namespace, name, version, qualifiers, subpath)
    except ValueError:
        raise PurlError("parts do not make a package URL") from None
    return parse(str(_checked(found)))


def identity(text: str) -> str:
    """Return the canonical package URL without version, the name of the package everywhere here.

    Raises: `PurlError` as `parse` does.
    """
    return parse(text).identity


def purl_of(ecosystem: str, name: str) -> str | None:
    """Return the identity of a package that OSV names, or `None` where no type stands for it.

    A suffix of the ecosystem, as in `Debian:12`, tells releases apart and not packages.
    """
    family = ecosystem.partition(":")[0]
    if family in _DISTRIBUTIONS:
        type_, namespace = _DISTRIBUTIONS[family]
    elif family in _TYPES:
        type_ = _TYPES[family]
        namespace, name = _split(type_, name)
    else:
        return None
    try:
        return build(type=type_, namespace=namespace, name=name).identity
    except PurlError:
        return None


def ecosystem_of(purl: str) -> tuple[str, str] | None:
    """Return OSV's ecosystem and name of a package, or `None` where OSV has none for the type.

    Raises: `PurlError` as `parse` does.
    """
    found = parse(parse(purl).identity)
    distribution = _DISTRIBUTION_OF.get((found.type, found.namespace or ""))
    if distribution:
        return distribution, found.name
    if found.type not in _ECOSYSTEMS:
        return None
    glue = ":" if found.type == "maven" else "/"
    parts = [part for part in (found.namespace, found.name) if part]
    return _ECOSYSTEMS[found.type], glue.join(parts)


def type_of(ecosystem: str) -> tuple[str, str | None] | None:
    """Return the package URL type of an ecosystem of OSV, with the namespace of a distribution."""
    if ecosystem in _DISTRIBUTIONS:
        return _DISTRIBUTIONS[ecosystem]
    return (_TYPES[ecosystem], None) if ecosystem in _TYPES else None


def _split(type_: str, name: str) -> tuple[str, str]:
    """Split a name of OSV into namespace and name."""
    namespace, _, last = name.rpartition(":" if type_ == "maven" else "/")
    return namespace, last


def _read(text: str) -> PackageURL:
    try:
        return PackageURL.from_string(text)
    except ValueError:
        raise PurlError("text is not a well-formed package URL") from None


def _checked(found: PackageURL) -> Purl:
    if not found.name:  # the library lets a name of nothing but blanks and slashes through
        raise PurlError("package URL has no name")
    lowered = found.type in _LOWERED
    purl = Purl(
        type=found.type,
        namespace=found.namespace.lower() if lowered and found.namespace else found.namespace,
        name=found.name.lower() if lowered else found.name,
        version=found.version,
        qualifiers=tuple(sorted(found.qualifiers.items())),
        subpath=found.subpath,
    )
    fault = _namespace_fault(purl) or _name_fault(purl)
    if fault:
        raise PurlError(f"{purl.type} package URL {fault}")
    return purl


def _namespace_fault(purl: Purl) -> str | None:
    if purl.type in _NAMESPACE_REQUIRED and not purl.namespace:
        return "needs a namespace"
    if purl.type in _NAMESPACE_PROHIBITED and purl.namespace:
        return "has a namespace, which its type forbids"
    return None


def _name_fault(purl: Purl) -> str | None:
    if purl.type == "cpan" and "::" in purl.name:
        return "names a module instead of a distribution"
    if purl.type == "julia" and "uuid" not in dict(purl.qualifiers):
        return "needs the qualifier uuid"
    if purl.type == "chrome-extension" and not _CHROME_ID.fullmatch(purl.name):
        return "has a name that is no extension id"
    if purl.type == "chrome-extension" and not _CHROME_VERSION.fullmatch(purl.version or "0"):
        return "has a version that is not up to four numbers"
    return None


def _encoded(text: str, keep: str = "") -> str:
    """Percent-encode all but what the standard leaves plain. Source: ECMA-427, clause 5.4."""
    return quote(text, safe=":" + keep)
