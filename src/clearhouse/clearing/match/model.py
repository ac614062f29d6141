"""The trained model: what it saw in training, its trees, its calibration and its bands.

In comes the name of a model file under `policies/match`, out comes a `Model`. The file is data with
a version and says where it came from (`provenance`). Refused: a file made for other features or
another lexicon, and one that is missing.
"""

import gzip
import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from clearhouse.clearing.match.forest import Forest, ModelError, probability
from clearhouse.clearing.match.lexicon import lexicon
from clearhouse.clearing.match.pairing import CLOSER_LOOK, FIRST_LOOK, IN_GROUP, IN_LIST
from clearhouse.clearing.match.record import Band
from clearhouse.clearing.match.retrieval import Background
from clearhouse.clearing.match.sketch import Token
from clearhouse.kernel import policy

CURRENT = "model-1"


@dataclass(frozen=True, kw_only=True, slots=True)
class BandLimit:
    """From which probability on a band begins, and what was measured in it."""

    band: Band
    at_least: float
    precision: float | None
    """The share of right suggestions that this band states, measured on the tuning data; None when
    nothing was measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """One version of the trained parameters."""

    name: str
    background: Background
    classes: Mapping[Token, float]
    """Weights of the classes of flaws."""
    first: Forest
    closer: Forest
    final: Forest
    group: Forest
    """Says whether a report belongs to a group of its list."""
    join_at: float
    """From these log-odds on it joins the group."""
    knots: tuple[tuple[float, float], ...]
    """Calibration: standing in the list (`ranking.standing`) and the probability measured there,
    both rising."""
    link_at: float
    """From this score (before calibration) on a report is taken for a duplicate of its best
    candidate, where a benchmark asks for yes or no. The clearinghouse itself never does so."""
    pair_at: float
    """The same for two given reports."""
    bands: tuple[BandLimit, ...]
    """From the surest band to the least."""
    provenance: Mapping[str, Any]

    def calibrated(self, log_odds: float) -> float:
        """Return the probability that was measured at such a standing in the list."""
        position = bisect_right(self.knots, (log_odds, 2.0))
        if not self.knots:
            return probability(log_odds)
        if position == 0:
            return self.knots[0][1]
        if position == len(self.knots):
            return self.knots[-1][1]
        (x0, y0), (x1, y1) = self.knots[position - 1], self.knots[position]
        return y0 + (y1 - y0) * (log_odds - x0) / (x1 - x0)

    def band(self, share: float) -> Band:
        """Return the band of a probability."""
        return next((one.band for one in self.bands if share >= one.at_least), Band.UNRELATED)


@cache
def model(name: str = CURRENT) -> Model:
    """Load a model.

    Raises: ModelError when it is missing or does not fit this version of the software.
    """
    path = policy.folder() / "match" / f"{name}.json.gz"
    try:
        document = json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot read the model {path}: {error}") from error
    return read(document)


def read(document: dict[str, Any]) -> Model:
    """Make a model of its document.

    Raises: ModelError when it does not fit this version of the software.
    """
    words = lexicon()
    if document["lexicon"] != words.name:
        raise ModelError(f"the model needs {document['lexicon']}, here is {words.name}")
    background = Background(reports=document["reports"], counts=document["counts"])
    return Model(
        name=f"{document['id']}/{document['version']}",
        background=background,
        classes={f"class:{c}": background.weight(f"class:{c}", 0, 0) for c in words.class_names},
        first=Forest.of(document["first"], FIRST_LOOK),
        closer=Forest.of(document["closer"], CLOSER_LOOK),
        final=Forest.of(document["final"], IN_LIST),
        group=Forest.of(document["group"], IN_GROUP),
        join_at=document["join_at"],
        knots=tuple((x, y) for x, y in document["knots"]),
        link_at=document["link_at"],
        pair_at=document["pair_at"],
        bands=tuple(
            BandLimit(band=Band(b), at_least=low, precision=p) for b, low, p in document["bands"]
        ),
        provenance=document["provenance"],
    )
