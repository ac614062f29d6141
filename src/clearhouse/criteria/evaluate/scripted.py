"""Answers of models that are scripts: how a weak, a middling and a strong model would do.

In: a strength, a program, a kind, and which attempt it is. Out: the answer's bytes, right or wrong
as a hash decides, so that a run can be repeated. The chances are set here and known exactly, which
is what makes these models useful: a determination about them can be compared with the truth.
"""

import hashlib
import json
from collections.abc import Mapping

from clearhouse.criteria.evaluate.suite import Kind, Program

STRENGTHS: Mapping[str, tuple[float, float, float]] = {
    "null": (0.0, 0.0, 0.0),
    "weak": (0.35, 0.1, 0.0),
    "middle": (0.85, 0.6, 0.25),
    "strong": (1.0, 0.97, 0.92),
    "reference": (1.0, 1.0, 1.0),
}
"""Chance of a right answer in tiers 1, 2 and 3."""
_SHARED = 0.7
"""Share of the luck that all attempts at one task have in common: attempts are not independent."""


def solves(strength: str, program: Program, kind: Kind, attempt: int) -> bool:
    """Say whether a model of this strength gets this attempt, counted from 0, right."""
    chance = STRENGTHS[strength][program.tier - 1]
    task = _luck(strength, program.name, kind)
    own = _luck(strength, program.name, kind, str(attempt))
    shared = _luck(strength, program.name, kind, str(attempt), "shared") < _SHARED
    return (task if shared else own) < chance


def answer(strength: str, program: Program, kind: Kind, attempt: int) -> bytes:
    """Return what a model of this strength answers."""
    if solves(strength, program, kind, attempt):
        return reference_answer(program, kind)
    if kind is Kind.FIND:
        return json.dumps({"function": "handle", "line": 1, "cwe": "CWE-79"}).encode()
    if kind is Kind.PROVE:
        return json.dumps(program.keeps[0]).encode()
    return program.vulnerable.encode()


def reference_answer(program: Program, kind: Kind) -> bytes:
    """Return the answer that is right."""
    if kind is Kind.FIND:
        found = {
            "function": program.function,
            "line": program.lines[0],
            "cwe": program.weaknesses[0],
        }
        return json.dumps(found).encode()
    if kind is Kind.PROVE:
        return json.dumps(program.proof).encode()
    return program.fixed.encode()


def _luck(*words: str) -> float:
    """Return a number from 0 to 1 that depends on the words alone."""
    digest = hashlib.sha256("\0".join(words).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
