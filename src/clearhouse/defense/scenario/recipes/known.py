"""The public recordings as they were when a recipe was made for them.

In: the files that a recipe is about to read. Out: those of them that it knows, or a refusal that
names the first ones that are not as they were: labels fit the bytes that they were given to, and
numbers can be repeated only on those. The lists are what `sha256sum` writes, so `sha256sum -c`
checks a copy as well.
"""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path

from clearhouse.defense.scenario.attack_map import policy_file
from clearhouse.defense.scenario.pack import PackError

_NAMED = 3


def known_files(recipe: str) -> Mapping[str, str]:
    """Return the SHA-256 of each file that a recipe was made for, by its path in the copy."""
    lines = policy_file(f"recordings/{recipe}.sha256").read_text("utf-8").splitlines()
    return {line[66:]: line[:64] for line in lines}


def demand_known(folder: Path, files: Collection[Path], recipe: str) -> frozenset[Path]:
    """Return the files of a copy that are on the recipe's list, and leave the others out.

    Raises: PackError naming those that differ from the list. Files of the list that the copy does
    not have are no fault: repositories keep large ones elsewhere.
    """
    known = known_files(recipe)
    listed = {path: str(path.relative_to(folder)) for path in files}
    kept = [path for path, name in listed.items() if name in known]
    other = [listed[path] for path in kept if sha256_of(path) != known[listed[path]]]
    if other:
        raise PackError(
            f"{len(other)} of {len(kept)} files are not those that this recipe was made for:"
            f" {', '.join(other[:_NAMED])}; fetch the recordings again, or convert them with"
            " --unverified and say so beside every number"
        )
    return frozenset(kept)


def provenance(source: str, *, verified: bool) -> str:
    """Return where a recording is from, and whether its files were held against the list."""
    return source if verified else f"{source}, a copy whose files were not verified"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
