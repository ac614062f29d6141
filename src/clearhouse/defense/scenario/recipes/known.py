"""The public recordings as they were when a recipe was made for them.

In: the files that a recipe is about to read. Out: nothing, or a refusal that names the first files
that are other ones: labels fit the bytes that they were given to, and numbers can be repeated only
on those. The lists are what `sha256sum` writes, so `sha256sum -c` checks a copy as well.
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


def demand_known(folder: Path, files: Collection[Path], recipe: str) -> None:
    """Hold files of a copy against the recipe's list. Raises: PackError naming those that differ.

    Files of the list that the copy does not have are no fault: some lie in a large-file store.
    """
    known = known_files(recipe)
    other = [
        str(path.relative_to(folder))
        for path in files
        if known.get(str(path.relative_to(folder))) != sha256_of(path)
    ]
    if other:
        raise PackError(
            f"{len(other)} of {len(files)} files are not those that this recipe was made for:"
            f" {', '.join(other[:_NAMED])}; fetch the recordings again, or convert them with"
            " --unverified and say so beside every number"
        )


def provenance(source: str, *, verified: bool) -> str:
    """Return where a recording is from, and whether its files were held against the list."""
    return source if verified else f"{source}, a copy whose files were not verified"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
