"""Whether cited events exist and are about an attack, and named machines occur at all.

In: findings and a recording. Out: shares. No judge is asked; an id either is in the recording or is
not.
"""

from collections.abc import Sequence

from clearhouse.defense.enroll.record import Answer, Finding
from clearhouse.defense.exercise.record import Grounding, share
from clearhouse.defense.scenario.recording import Recording
from clearhouse.defense.scenario.truth import Truth

_MOST_ENTITIES = 300


def grounding(
    findings: Sequence[Finding],
    answers: Sequence[Answer],
    recording: Recording,
    malicious: Sequence[Truth],
) -> Grounding:
    """Look up everything that was cited."""
    cited = {uid for finding in findings for uid in finding.events}
    cited |= {uid for answer in answers for uid in answer.events}
    exist = set(recording.get(cited)) if cited else set()
    truth = {uid for one in malicious for uid in one.events}
    named = sorted({one for finding in findings for one in finding.entities})[:_MOST_ENTITIES]
    return Grounding(
        exist=share(len(exist), len(cited)),
        in_truth=share(len(cited & truth), len(cited)),
        uncited=share(sum(not one.events for one in findings), len(findings)),
        invented_entities=recording.unmentioned(named),
    )
