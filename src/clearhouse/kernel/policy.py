"""One question in one place: may this actor do this now, and if not, why not.

In: an actor, an act such as `finding.merge`, and the readers of the object it concerns. Out: a
`Decision` that names the rule and the policy version. Refused: whatever no rule allows.
The database asks the second half of the question again (row-level security).
Policies are data with a version under `policies/`.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import cast

import yaml

from clearhouse.kernel.identity import Actor, ActorKind

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader, in C where the package has it: seven times faster."""


class ForbiddenError(PermissionError):
    """The policy refuses the act; the message says which rule is missing."""


class PolicyError(ValueError):
    """A policy file is missing or malformed; the message names the file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """An answer with its reason."""

    allowed: bool
    reason: str
    policy: str
    """Id and version of the policy that decided."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Authority:
    """Which role may do which act."""

    policy_id: str
    version: int
    acts_of_role: dict[str, frozenset[str]]

    @property
    def name(self) -> str:
        """Id and version, as decisions cite them."""
        return f"{self.policy_id}/{self.version}"

    def may(self, actor: Actor, act: str, readers: Collection[str] | None = None) -> Decision:
        """Answer whether `actor` may do `act` to an object that `readers` may read.

        `readers=None` is for acts that concern no protected object.
        """
        entitled = sorted(
            role for role in actor.roles if act in self.acts_of_role.get(role, frozenset())
        )
        if not entitled:
            reason = f"no role of {actor.name} may {act}"
        elif readers is not None and not actor.reads(readers):
            reason = f"{actor.name} is not read in"
        else:
            return Decision(allowed=True, reason=f"role {entitled[0]}", policy=self.name)
        return Decision(allowed=False, reason=reason, policy=self.name)

    def demand(self, actor: Actor, act: str, readers: Collection[str] | None = None) -> Decision:
        """Return the decision when it allows.

        Raises: ForbiddenError with the reason when it does not.
        """
        decision = self.may(actor, act, readers)
        if not decision.allowed:
            raise ForbiddenError(
                f"{decision.reason} ({decision.policy}){self._who_may(actor, act)}"
            )
        return decision

    def _who_may(self, actor: Actor, act: str) -> str:
        """Name the roles that may, to an actor who has none of them."""
        able = {role for role, acts in self.acts_of_role.items() if act in acts}
        if actor.roles & able:
            return ""
        return f"; roles that may: {', '.join(sorted(able)) or 'none'}"

    def demand_person(
        self, actor: Actor, act: str, readers: Collection[str] | None = None
    ) -> Decision:
        """Return the decision when it allows and the actor is a person, not an agent.

        Raises: ForbiddenError with the reason when it does not.
        """
        decision = self.demand(actor, act, readers)
        if actor.kind is not ActorKind.PERSON:
            raise ForbiddenError(f"{act} is for persons, {actor.name} is none ({self.name})")
        return decision

    def demand_second(
        self, actor: Actor, act: str, first: str, readers: Collection[str] | None = None
    ) -> Decision:
        """Return the decision when it allows and the actor is another person than `first`.

        Raises: ForbiddenError with the reason when it does not.
        """
        decision = self.demand_person(actor, act, readers)
        if actor.actor_id == first:
            raise ForbiddenError(f"{act} needs a second person ({self.name})")
        return decision


def folder() -> Path:
    """Return the folder of the policies: `CLEARHOUSE_POLICIES`, or those that came with us."""
    chosen = os.environ.get("CLEARHOUSE_POLICIES")
    if chosen:
        return Path(chosen)
    installed = Path(str(files("clearhouse"))) / "policies"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "policies"


def load(name: str) -> dict[str, object]:
    """Return a policy document, for example `load("authority/clearhouse-1")`.

    It is read once and shared: do not change it.
    Raises: PolicyError when it is missing, not YAML, or has no id and version.
    """
    return _read(folder() / f"{name}.yaml")


@cache
def _read(path: Path) -> dict[str, object]:
    try:
        document = yaml.load(path.read_text("utf-8"), Loader=_LOADER)  # noqa: S506 - it is the safe one
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PolicyError(f"cannot read the policy {path}: {error}") from error
    if not isinstance(document, dict) or not {"id", "version"} <= document.keys():
        raise PolicyError(f"the policy {path} needs an id and a version")
    return cast("dict[str, object]", document)


def authority(name: str = "authority/clearhouse-1") -> Authority:
    """Return the authority table of that name.

    Raises: PolicyError when it is not a whole version number and a list of acts per role.
    """
    document = load(name)
    roles, version = document.get("roles"), document["version"]
    if not isinstance(version, int):
        raise PolicyError(f"the version of the policy {name} is not a whole number")
    if not isinstance(roles, dict) or not all(
        isinstance(acts, list) and all(isinstance(act, str) for act in acts)
        for acts in roles.values()
    ):
        raise PolicyError(f"the policy {name} does not list acts per role")
    return Authority(
        policy_id=str(document["id"]),
        version=version,
        acts_of_role={str(role): frozenset(acts) for role, acts in roles.items()},
    )
