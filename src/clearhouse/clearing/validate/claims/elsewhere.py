"""What was found outside the two trees: in the project's history and in its dependencies.

Looking there takes long, so it is done only for what the trees do not settle; the rules stay pure
and read the findings here. `None` in a field means that nobody could look, which settles nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """Which prefixes tell whose a name is, as the project's profile says."""

    own: tuple[str, ...] = ()
    """Prefixes of names that only the project itself defines, for example `curl_`."""
    dependencies: Mapping[str, str] = field(default_factory=dict)
    """Prefix to the package URL of the dependency that defines such names."""

    def is_own(self, name: str) -> bool:
        """Say whether only the project itself would define this name."""
        return name.startswith(self.own) if self.own else False

    def dependency(self, name: str) -> str | None:
        """Return the package that would define this name."""
        found = (purl for prefix, purl in self.dependencies.items() if name.startswith(prefix))
        return next(found, None)


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """What a complete copy of the project's repository says."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Name to where in the history it occurs; a name that was searched and not found is absent."""
    names_searched: str | None = None
    """What was searched for names, in words; None when it could not be searched whole."""
    paths: Mapping[str, str | None] = field(default_factory=dict)
    """Path to what became of it; None when no commit ever had it."""
    commits: Mapping[str, str | None] = field(default_factory=dict)
    """Commit to its day; None when the repository has no such commit."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Version to the tag that carries it."""
    fresh: bool = False
    """Whether the copy is at most a day old, so that what it lacks was not published."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Elsewhere:
    """What was found outside the trees of the target."""

    history: History | None = None
    """None when no repository was looked at."""
    dependencies: Mapping[str, str] = field(default_factory=dict)
    """Name to the dependency in which it occurs."""
    dependencies_searched: tuple[str, ...] = ()
    """The dependencies whose sources were looked at, by package URL."""
    names: Names = Names()


NOWHERE = Elsewhere()
"""Nothing outside the trees has been looked at."""
