"""Read a project's profile: what it counts as a vulnerability, and what it wants in a report.

In comes YAML that a maintainer wrote; out comes a `Profile`. Refused, with the line and what to do:
unknown fields, wrong kinds of values, clauses without a text, versions that are no ranges. The
files are `policies/projects/<id>-<version>.yaml`; of several versions of one id the highest holds.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import cast

import yaml

from clearhouse.clearing.validate.claims.elsewhere import Names
from clearhouse.clearing.validate.versions import Range, parse_range
from clearhouse.formats.purl import PurlError
from clearhouse.formats.purl import parse as parse_purl
from clearhouse.kernel import policy

DEFAULT = "default"
FORBIDDEN = ("cvss", "severity", "markdown")
"""What a project can ask reporters to leave out, and what is checked."""
_FIELDS = {
    "id", "version", "as_of", "applies_to", "source", "repository", "supported_versions",
    "excluded_paths", "clauses", "wants", "forbids", "names",
}  # fmt: skip
_FILE = re.compile(r"([a-z0-9.-]+?)-(\d+)\.yaml")


@dataclass(frozen=True, kw_only=True, slots=True)
class Clause:
    """One rule of a project."""

    name: str
    text: str
    source: str | None = None
    """Where the project states it; the profile's own source when None."""
    globs: tuple[str, ...] = ()
    """Paths that the clause excludes; empty when a person has to judge."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """What one project counts as a vulnerability, and what it wants in a report."""

    id: str
    version: int
    as_of: str | None
    """The day on which the project's policy was read, as `YYYY-MM-DD`."""
    applies_to: tuple[str, ...]
    source: str | None
    """Where the project states its policy."""
    repository: str | None
    supported_versions: tuple[str, ...]
    """Version ranges that get security fixes; empty when the project does not say."""
    clauses: tuple[Clause, ...]
    wants: tuple[str, ...]
    forbids: tuple[str, ...]
    names: Names

    @property
    def name(self) -> str:
        """Id and version, as verdicts cite them."""
        return f"{self.id}/{self.version}"

    def cite(self, clause: Clause) -> str:
        """Return where a clause stands: this profile, and the project's own page."""
        place = clause.source or self.source
        return self.name if place is None else f"{self.name}, {place}"

    def supported(self) -> tuple[Range, ...]:
        """Return the supported ranges, comparable."""
        found = (parse_range("generic", one) for one in self.supported_versions)
        return tuple(one for one in found if one is not None)


class ProfileError(ValueError):
    """A profile is not as it must be; the message names the file, the line and what to do."""


def profile_for(purl: str | None) -> Profile:
    """Return the profile of a package, or the default one.

    Raises: ProfileError; PolicyError when the default profile is missing.
    """
    found = (profile for profile in profiles() if purl in profile.applies_to)
    return next(found, None) or load_profile(DEFAULT)


def load_profile(id_: str) -> Profile:
    """Return one project's profile.

    Raises: ProfileError; PolicyError when there is none.
    """
    for profile in profiles():
        if profile.id == id_:
            return profile
    raise policy.PolicyError(f"there is no profile projects/{id_}-1.yaml")


def profiles() -> tuple[Profile, ...]:
    """Return the newest version of every profile, sorted by id.

    Raises: ProfileError.
    """
    folder = policy.folder() / "projects"
    stamps = tuple((str(file), file.stat().st_mtime_ns) for file in sorted(folder.glob("*.yaml")))
    return _profiles(stamps)


@cache
def _profiles(stamps: tuple[tuple[str, int], ...]) -> tuple[Profile, ...]:
    newest: dict[str, Profile] = {}
    for place, _ in stamps:
        with open(place, encoding="utf-8") as file:  # noqa: PTH123  # a path that was just listed
            name = place.rpartition("/")[2]
            profile = read_profile(name, file.read())
        named = _FILE.fullmatch(name)
        if named is None or (named[1], int(named[2])) != (profile.id, profile.version):
            raise ProfileError(
                f"{name}: call the file {profile.id}-{profile.version}.yaml, after id and version"
            )
        if profile.id not in newest or newest[profile.id].version < profile.version:
            newest[profile.id] = profile
    return tuple(newest[id_] for id_ in sorted(newest))


def read_profile(name: str, text: str) -> Profile:
    """Turn a document into a profile; `name` is how errors call it.

    Raises: ProfileError.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ProfileError(f"{name}, line {line}: not YAML ({error.problem})") from error
    document = _Map(name, root, _FIELDS)
    version = document.text("version")
    if not version.isdecimal():
        raise document.wrong("version", "write a whole number, 1 for the first")
    return Profile(
        id=document.text("id"),
        version=int(version),
        as_of=document.optional("as_of"),
        applies_to=tuple(_packages(document)),
        source=document.optional("source"),
        repository=_repository(document),
        supported_versions=tuple(_ranges(document)),
        clauses=(*_clauses(document, "excluded_paths"), *_clauses(document, "clauses")),
        wants=document.texts("wants"),
        forbids=tuple(_forbidden(document)),
        names=_names(document),
    )


class _Map:
    """A mapping of the document that knows its lines."""

    def __init__(self, name: str, node: yaml.Node | None, allowed: set[str]) -> None:
        self.name = name
        if not isinstance(node, yaml.MappingNode):
            raise _fault(name, node, "write `field: value` lines here")
        self.node = node
        self.values: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if key.value not in allowed:
                known = ", ".join(sorted(allowed))
                raise _fault(name, key, f"there is no field `{key.value}`; there are {known}")
            if key.value in self.values:
                raise _fault(name, key, f"`{key.value}` stands here twice; join the two")
            self.values[key.value] = value

    def wrong(self, field: str, what: str) -> ProfileError:
        return _fault(self.name, self.values.get(field, self.node), f"`{field}`: {what}")

    def optional(self, field: str) -> str | None:
        value = self.values.get(field)
        if value is None or value.tag == "tag:yaml.org,2002:null":
            return None
        if not isinstance(value, yaml.ScalarNode):
            raise self.wrong(field, "write one text")
        return str(value.value).strip() or None

    def text(self, field: str) -> str:
        found = self.optional(field)
        if found is None:
            raise self.wrong(field, "it is missing; every profile states it")
        return found

    def nodes(self, field: str) -> list[yaml.Node]:
        value = self.values.get(field)
        if value is None:
            return []
        if not isinstance(value, yaml.SequenceNode):
            raise self.wrong(field, "write a list, `[a, b]` or one `- item` a line")
        return cast("list[yaml.Node]", value.value)

    def texts(self, field: str) -> tuple[str, ...]:
        nodes = self.nodes(field)
        for one in nodes:
            if not isinstance(one, yaml.ScalarNode):
                raise _fault(
                    self.name, one, f"`{field}`: each item is one text; quote it if need be"
                )
        return tuple(str(one.value) for one in nodes)

    def maps(self, field: str, allowed: set[str]) -> Iterator["_Map"]:
        yield from (_Map(self.name, one, allowed) for one in self.nodes(field))


def _fault(name: str, node: yaml.Node | None, what: str) -> ProfileError:
    line = 1 if node is None or node.start_mark is None else node.start_mark.line + 1
    return ProfileError(f"{name}, line {line}: {what}")


def _packages(document: _Map) -> Iterator[str]:
    for stated in document.texts("applies_to"):
        try:
            purl = parse_purl(stated)
        except PurlError as error:
            raise document.wrong("applies_to", f"{stated} {error}") from error
        if purl.version is not None:
            raise document.wrong("applies_to", f"leave the version out of {stated}")
        yield purl.identity


def _repository(document: _Map) -> str | None:
    address = document.optional("repository")
    if address is not None and not address.startswith("https://"):
        raise document.wrong("repository", "write its https:// address")
    return address


def _ranges(document: _Map) -> Iterator[str]:
    for stated in document.texts("supported_versions"):
        if parse_range("generic", stated) is None:
            raise document.wrong(
                "supported_versions", f"`{stated}` is no range; write for example `>=5.2.0, <5.3.0`"
            )
        yield stated


def _clauses(document: _Map, field: str) -> Iterator[Clause]:
    for one in document.maps(field, {"clause", "text", "source", "globs"}):
        globs = one.texts("globs")
        if field == "excluded_paths" and not globs:
            raise one.wrong("globs", 'say which paths it excludes, for example ["tests/**"]')
        if field == "clauses" and globs:
            raise one.wrong("globs", "paths belong under `excluded_paths`")
        yield Clause(
            name=one.text("clause"), text=one.text("text"), source=one.optional("source"),
            globs=globs,
        )  # fmt: skip


def _forbidden(document: _Map) -> Iterator[str]:
    for stated in document.texts("forbids"):
        if stated not in FORBIDDEN:
            raise document.wrong(
                "forbids", f"`{stated}` is not checked; {', '.join(FORBIDDEN)} are"
            )
        yield stated


def _names(document: _Map) -> Names:
    if "names" not in document.values:
        return Names()
    stated = _Map(document.name, document.values["names"], {"own", "dependencies"})
    dependencies = {
        one.text("prefix"): one.text("package")
        for one in stated.maps("dependencies", {"prefix", "package"})
    }
    return Names(own=stated.texts("own"), dependencies=dependencies)
