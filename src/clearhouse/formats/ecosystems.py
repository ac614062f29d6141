"""Know the ecosystems of packages by their usual names, and which package URL type each demands.

In comes an ecosystem as somebody wrote it; out come OSV's spelling and the package URL type.
Refused, as None: names that neither OSV nor the package URL types know.

Source: OSV schema 1.7.5 §affected[].package.ecosystem; ECMA-427 `types/`; TAP Intake API, Core.
"""

from typing import Final

from clearhouse.formats.purl import purl_of

PURL_TYPES: Final = frozenset(
    [
        "alpm",
        "apk",
        "bazel",
        "bitbucket",
        "bitnami",
        "brew",
        "cargo",
        "chrome-extension",
        "cocoapods",
        "composer",
        "conan",
        "conda",
        "cpan",
        "cran",
        "deb",
        "docker",
        "gem",
        "generic",
        "git",
        "github",
        "golang",
        "hackage",
        "hex",
        "huggingface",
        "julia",
        "luarocks",
        "maven",
        "mlflow",
        "npm",
        "nuget",
        "oci",
        "opam",
        "otp",
        "pub",
        "pypi",
        "qpkg",
        "rpm",
        "swid",
        "swift",
        "vcpkg",
        "vscode-extension",
        "yocto",
    ]
)
"""The types with a definition in the specification."""

_DEMANDS: Final[dict[str, str]] = {
    "AlmaLinux": "rpm",
    "Alpaquita": "apk",
    "Alpine": "apk",
    "Azure Linux": "rpm",
    "Bitnami": "bitnami",
    "Chainguard": "apk",
    "ConanCenter": "conan",
    "CRAN": "cran",
    "crates.io": "cargo",
    "Debian": "deb",
    "Go": "golang",
    "Hackage": "hackage",
    "Hex": "hex",
    "Julia": "julia",
    "Mageia": "rpm",
    "Maven": "maven",
    "MinimOS": "apk",
    "npm": "npm",
    "NuGet": "nuget",
    "opam": "opam",
    "openEuler": "rpm",
    "openSUSE": "rpm",
    "Packagist": "composer",
    "Photon OS": "rpm",
    "Pub": "pub",
    "PyPI": "pypi",
    "Red Hat": "rpm",
    "Rocky Linux": "rpm",
    "RubyGems": "gem",
    "SUSE": "rpm",
    "SwiftURL": "swift",
    "Ubuntu": "deb",
    "VSCode": "vscode-extension",
    "Wolfi": "apk",
}
_DEMANDS_NOTHING: Final = (
    "Android",
    "BellSoft Hardened Containers",
    "Bioconductor",
    "CleanStart",
    "Docker Hardened Images",
    "Echo",
    "FreeBSD",
    "GHC",
    "GIT",
    "GitHub Actions",
    "Hardware",
    "Kubernetes",
    "Linux",
    "OSS-Fuzz",
    "Root",
    "TuxCare",
)
_SHARED_TYPES: Final = frozenset({"apk", "deb", "rpm"})
_SPOKEN: Final = {
    "actions": "GitHub Actions",
    "crate": "crates.io",
    "crates": "crates.io",
    "erlang": "Hex",
    "github-actions": "GitHub Actions",
    "go modules": "Go",
    "node": "npm",
    "node.js": "npm",
    "pip": "PyPI",
    "python": "PyPI",
    "ruby": "RubyGems",
    "rubygem": "RubyGems",
    "rust": "crates.io",
}
"""What people, and GitHub's advisory database, call an ecosystem."""

_NAMES: Final = (
    {kind: kind for kind in sorted(PURL_TYPES)}
    | {kind: name for name, kind in _DEMANDS.items() if kind not in _SHARED_TYPES}
    | _SPOKEN
    | {name.casefold(): name for name in (*_DEMANDS, *_DEMANDS_NOTHING)}
)


def ecosystem_name(text: str) -> str | None:
    """Return an ecosystem's usual spelling, or None when nobody lists it.

    Case does not matter, a release suffix (`Debian:12`) is kept, and package URL types are
    understood as the ecosystem that they stand for.
    """
    name, colon, suffix = text.strip().partition(":")
    known = _NAMES.get(name.strip().casefold())
    if known is None or (colon and not suffix.strip()):
        return None
    return known + colon + suffix


def demanded_type(ecosystem: str) -> str | None:
    """Return the package URL type that an ecosystem demands, or None when it demands none."""
    name = (ecosystem_name(ecosystem) or "").partition(":")[0]
    return _DEMANDS.get(name, name if name in PURL_TYPES else None)


def package_of(ecosystem: str, name: str) -> str | None:
    """Return the identity of a package from names as people write them, where one follows."""
    known = ecosystem_name(ecosystem)
    # A package URL type that is no ecosystem of OSV has no rule for splitting names.
    return purl_of(known, name.strip()) if known is not None and name.strip() else None
