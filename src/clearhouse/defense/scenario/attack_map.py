"""ATT&CK techniques over the years: the same technique under its name of today.

In: an id such as `T1086`. Out: the id in the version of the map. Labels and rules are compared
after it, or a rule set is said to miss what was only renamed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import yaml

from clearhouse.kernel.policy import PolicyError


@dataclass(frozen=True, kw_only=True, slots=True)
class AttackMap:
    """Which id took the place of which."""

    name: str
    to: str
    """The version of ATT&CK that it leads to."""
    renamed: Mapping[str, str]
    placeholders: frozenset[str]
    """Ids that stand for no technique."""

    def today(self, technique: str) -> str:
        """Return a technique's id of today; an unknown id stays as it is."""
        return self.renamed.get(technique, technique)

    def parent(self, technique: str) -> str:
        """Return the parent technique of today."""
        return self.today(technique).partition(".")[0]


@cache
def attack_map() -> AttackMap:
    """Return the map that came with the house. Raises: PolicyError."""
    path = policy_file("attack-map-1.yaml")
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
        return AttackMap(
            name=f"{content['id']}/{content['version']}",
            to=str(content["to"]),
            renamed=dict(content["renamed"]),
            placeholders=frozenset(content["placeholders"]),
        )
    except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
        raise PolicyError(f"{path} cannot be read: {error}") from error


def policy_file(name: str) -> Path:
    """Return a policy of defense: from the package, or from the project's folder."""
    packaged = Path(str(files("clearhouse"))) / "policies" / "defense" / name
    if packaged.is_file():
        return packaged
    return Path(str(files("clearhouse"))).parents[1] / "policies" / "defense" / name
