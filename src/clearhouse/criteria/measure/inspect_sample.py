"""Read one sample of an Inspect log: its scores, and how the model came to them.

In: the bytes of a `samples/*.json` member. Out: a `Sample`. Refused with `EvidenceError`: what is
no JSON object or names no item and epoch.
Source: Inspect `EvalSample`, `ModelEvent`, `ToolEvent`, `ScoreEvent` (0.3.x).
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic_core import from_json

from clearhouse.criteria.measure import fingerprints
from clearhouse.criteria.measure.fields import Fields, fields, listed, number, text, whole
from clearhouse.criteria.measure.record import EvidenceError, Sample
from clearhouse.criteria.measure.scores import by_part

FAMILY = "family"
MINUTES = ("human_minutes", "minutes")
"""Names under which a sample's metadata may give its family and how long people need."""

_REFUSED = 400
"""The least status by which an answer says that it was none. Source: RFC 9110, section 15."""


def read_sample(content: bytes) -> Sample:
    """Read one sample.

    Raises: EvidenceError.
    """
    try:
        document = from_json(content, allow_inf_nan=True)
    except ValueError as error:
        raise EvidenceError("a sample is not JSON: the log is damaged") from error
    sample = fields(document)
    item, epoch = sample.get("id"), whole(sample, "epoch")
    if isinstance(item, bool) or not isinstance(item, str | int) or not epoch:
        raise EvidenceError("a sample names no item or epoch: the log is damaged")
    metadata = fields(sample, "metadata")
    scores = scores_of(sample)
    story = _Story()
    story.tell(listed(sample, "events"))
    return Sample(
        id=str(item),
        epoch=epoch,
        scores=scores,
        item_sha256=fingerprints.item_sha256(sample),
        sample_sha256=hashlib.sha256(content).hexdigest(),
        run=text(sample, "uuid"),
        family=text(metadata, FAMILY),
        minutes=next((found for name in MINUTES if (found := number(metadata, name))), None),
        ended_at=text(sample, "completed_at"),
        errored=sample.get("error") is not None,
        attempts=1 + len(listed(sample, "error_retries")),
        limit=text(fields(sample, "limit"), "type"),
        fallbacks=max(_fallbacks(sample), story.fallbacks),
        model_calls=story.model_calls,
        retries=story.retries,
        cached=story.cached,
        refusals=story.refusals,
        tool_calls=story.tool_calls,
        tool_errors=story.tool_errors,
        tokens=_tokens(sample),
        requested=tuple(sorted(story.requested)),
        served=tuple(sorted(story.served)),
        request_ids=tuple(story.request_ids),
        edited=_edited(sample),
        invalidated=sample.get("invalidation") is not None,
        faults=_denied(scores, story.scored),
    )


def scores_of(sample: Fields) -> dict[str, float | None]:
    """Return the scores of a sample or of its summary, by scorer and part."""
    found: dict[str, float | None] = {}
    for scorer, score in fields(sample, "scores").items():
        found |= by_part(scorer, fields(score).get("value"))
    return found


@dataclass(slots=True)
class _Story:
    """What the events of one sample tell, added up."""

    model_calls: int = 0
    retries: int = 0
    cached: int = 0
    refusals: int = 0
    fallbacks: int = 0
    tool_calls: int = 0
    tool_errors: int = 0
    requested: set[str] = field(default_factory=set)
    served: set[str] = field(default_factory=set)
    request_ids: list[str] = field(default_factory=list)
    scored: dict[str, float | None] = field(default_factory=dict)

    def tell(self, events: Sequence[object]) -> None:
        """Add events in their order."""
        for event in map(fields, events):
            kind = event.get("event")
            if kind == "model":
                self._model(event)
            elif kind == "tool":
                self.tool_calls += 1
                self.tool_errors += event.get("error") is not None
            elif kind == "score" and not event.get("intermediate"):
                scorer = text(event, "scorer")
                if scorer is not None:
                    self.scored |= by_part(scorer, fields(event, "score").get("value"))

    def _model(self, event: Fields) -> None:
        self.request_ids += _request_ids(event)
        if event.get("role") is not None:  # a grader or another helper, not the model under test
            return
        output = fields(event, "output")
        self.model_calls += 1
        self.retries += whole(event, "retries") or 0
        self.cached += event.get("cache") == "read"
        self.refusals += any(
            fields(choice).get("stop_reason") == "content_filter"
            for choice in listed(output, "choices")
        )
        self.fallbacks += output.get("fallback") is not None
        asked = text(event, "requested_model") or text(event, "model")
        if asked:
            self.requested.add(asked)
        answered = text(output, "model")
        if answered and event.get("error") is None:
            self.served.add(answered)


def _request_ids(event: Fields) -> list[str]:
    """Return the ids of the answers of one event, without those of refused attempts.

    Inspect notes an id once for each header that bears it; under one header twice is two calls.
    """
    by_header: dict[str | None, Counter[str]] = defaultdict(Counter)
    for one in listed(event, "request_ids"):
        entry = fields(one)
        named = one if isinstance(one, str) else text(entry, "request_id") or text(entry, "id")
        if named and (whole(entry, "status") or 0) < _REFUSED:
            by_header[text(entry, "header")][named] += 1
    most: Counter[str] = Counter()
    for counts in by_header.values():
        most |= counts
    return list(most.elements())


def _fallbacks(sample: Fields) -> int:
    return sum(whole(fields(one), "count") or 1 for one in listed(sample, "model_fallbacks"))


def _tokens(sample: Fields) -> int:
    usage = fields(sample, "model_usage").values()
    return sum(whole(fields(one), "total_tokens") or 0 for one in usage)


def _edited(sample: Fields) -> bool:
    return any(listed(fields(score), "history") for score in fields(sample, "scores").values())


def _denied(
    scores: Mapping[str, float | None], scored: Mapping[str, float | None]
) -> tuple[str, ...]:
    """Name the scores that the sample's own record of scoring denies."""
    return tuple(
        f"its record of scoring says {scored[name]} for {name}, its score says {value}"
        for name, value in scores.items()
        if name in scored and scored[name] != value
    )
