"""Open the repositories that the operator allows, and no others.

A report names a repository; whether anybody may reach for it is not the report's to say. Looked for
first is a mirror on this machine, `<mirrors>/<host>/<path>[.git]`; then, for the hosts that the
policy lists, the address is fetched over HTTPS, without redirects, into a cache that is renewed
once a day. No other protocol is spoken.

Mirrors stand in the folder that `CLEARHOUSE_REPOSITORIES` names.
"""

import os
import re
import shutil
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from clearhouse.clearing.validate.sources import git
from clearhouse.clearing.validate.sources.git import RepositoryError
from clearhouse.clearing.validate.sources.repository import Repository
from clearhouse.kernel import policy

_DAY_S = 24 * 3600
_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+){1,7}")
_STAMPS = ("FETCH_HEAD", "packed-refs", "HEAD")


class Repositories:
    """Repositories by address, as far as this installation may open them."""

    def __init__(
        self,
        cache: Path,
        *,
        mirrors: Path | None = None,
        hosts: Collection[str] = (),
        fetch_bytes: int = 2 << 30,
        fetch_s: int = 900,
    ) -> None:
        self.cache = cache
        self.mirrors = mirrors
        self.hosts = frozenset(hosts)
        self.fetch_bytes = fetch_bytes
        self.fetch_s = fetch_s

    @classmethod
    def configured(cls, cache: Path) -> Self:
        """Return what the policy and the environment allow.

        Raises: PolicyError when the policy is missing or not as it must be.
        """
        stated = policy.load("sources-1")
        hosts, limits = stated.get("hosts"), stated.get("limits")
        if not isinstance(hosts, list) or not isinstance(limits, Mapping):
            raise policy.PolicyError("sources-1: hosts and limits are missing")
        mirrors = os.environ.get("CLEARHOUSE_REPOSITORIES")
        return cls(
            cache,
            mirrors=Path(mirrors) if mirrors else None,
            hosts=[str(one) for one in hosts],
            fetch_bytes=int(str(limits["mebibytes"])) << 20,
            fetch_s=int(str(limits["seconds"])),
        )

    def open(self, address: str) -> Repository:
        """Return the repository at an address.

        Raises: RepositoryError when the address is not allowed or the repository not to be had.
        """
        host, path = place_of(address)
        mirror = self._mirror(host, path)
        if mirror is not None:
            shown = git.borrow(mirror, self.cache / "borrowed" / host / path)
            return Repository(shown, fresh=_age_s(mirror) < _DAY_S)
        if host not in self.hosts:
            raise RepositoryError("no mirror of this repository, and its host is not allowed")
        return Repository(self._fetched(host, path), fresh=True)

    def _mirror(self, host: str, path: str) -> Path | None:
        if self.mirrors is None:
            return None
        base = self.mirrors / host / path
        places = (base, base.with_name(f"{base.name}.git"))
        return next((one for one in places if one.is_dir()), None)

    def _fetched(self, host: str, path: str) -> Path:
        """Return a copy that is at most a day old.

        Raises: RepositoryError.
        """
        place = self.cache / "fetched" / host / path
        stamp = place / "fetched"
        if stamp.is_file() and time.time() - stamp.stat().st_mtime < _DAY_S:
            return place
        git.prepare(place)
        address = f"https://{host}/{path}"
        try:
            git.fetch(place, address, timeout_s=self.fetch_s, write_bytes=self.fetch_bytes)
        except RepositoryError:
            if not stamp.is_file():
                shutil.rmtree(place, ignore_errors=True)
            raise
        stamp.touch()
        return place


def place_of(address: str) -> tuple[str, str]:
    """Return host and path of a repository's address.

    Raises: RepositoryError when it is no plain HTTPS address of a repository.
    """
    parts = urlsplit(address.strip().removeprefix("git+"))
    path = parts.path.strip("/").removesuffix(".git")
    plain = parts.scheme == "https" and not parts.query and "@" not in parts.netloc
    if not plain or not _PATH.fullmatch(path) or ".." in path or not parts.netloc:
        raise RepositoryError("not the HTTPS address of a repository")
    return parts.netloc.lower(), path


def _age_s(mirror: Path) -> float:
    folder = mirror if (mirror / "objects").is_dir() else mirror / ".git"
    stamps = [one.stat().st_mtime for name in _STAMPS if (one := folder / name).is_file()]
    return time.time() - max(stamps, default=0)
