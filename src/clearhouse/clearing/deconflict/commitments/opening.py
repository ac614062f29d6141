"""Draws what a party keeps to itself until it reveals.

In: fingerprints, and the report if there is one. Out: an opening with fresh blinding. Whoever holds
it can reveal, so it is kept like the finding.
"""

import hashlib
import secrets
from collections.abc import Sequence

from clearhouse.clearing.deconflict.blind.record import Fingerprint
from clearhouse.clearing.deconflict.commitments.record import Opening
from clearhouse.clearing.deconflict.commitments.rules import BLINDING_BYTES


def new_opening(fingerprints: Sequence[Fingerprint], report: bytes | None = None) -> Opening:
    """Return a fresh opening."""
    return Opening(
        blinding=secrets.token_bytes(BLINDING_BYTES),
        fingerprints=tuple(fingerprints),
        report_sha256=None if report is None else hashlib.sha256(report).hexdigest(),
    )
