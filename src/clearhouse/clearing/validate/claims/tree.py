"""The readable files of a target at one version, as claim checks see them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")


@dataclass(frozen=True, kw_only=True)
class SourceTree:
    """The files of one release, or of one commit of a repository."""

    version: str
    files: Mapping[str, str]
    """Path to text."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Readable files of what it depends on, as far as they were looked at."""
    unread: frozenset[str] = frozenset()
    """Paths that are there but hold no text, are too large, or are links."""
    compiled: bool = False
    """True when it has parts whose source is not here."""
    whole: bool = False
    """True for a repository: whatever the project keeps under version control is here."""

    @cached_property
    def paths(self) -> frozenset[str]:
        """Every path, readable or not."""
        return frozenset(self.files) | self.unread

    @cached_property
    def identifiers(self) -> frozenset[str]:
        """Every identifier in every readable file, of the target and of its companions."""
        texts = (*self.files.values(), *self.others.values())
        return frozenset(name for text in texts for name in _IDENTIFIER.findall(text))

    def holding(self, words: str) -> tuple[str, ...]:
        """Return the files of the target whose text has these words."""
        return tuple(path for path, text in self.files.items() if words in text)

    @property
    def place(self) -> str:
        """How checks name this tree."""
        return f"commit {self.version}" if self.whole else f"release {self.version}"
