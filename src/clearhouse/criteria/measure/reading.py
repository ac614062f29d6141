"""Read a file as evidence, whatever format it has.

In: a path. Out: an `Evidence`. The content decides, not the name: a zip is an Inspect log, anything
else must be the neutral format.
"""

from pathlib import Path

from clearhouse.criteria.measure.inspect_log import read_inspect_log
from clearhouse.criteria.measure.neutral import read_neutral
from clearhouse.criteria.measure.record import Evidence, EvidenceError


def read_evidence(path: Path) -> Evidence:
    """Read a file of evidence.

    Raises: EvidenceError that says why it cannot serve.
    """
    try:
        with path.open("rb") as handle:
            start = handle.read(2)
    except OSError as error:
        raise EvidenceError(f"cannot read {path.name}: {error.strerror}") from error
    return read_inspect_log(path) if start == b"PK" else read_neutral(path)
