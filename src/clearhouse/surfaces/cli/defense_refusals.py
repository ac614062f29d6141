"""Which refusals of defense end with which exit code."""

from clearhouse.defense.compare.pairs import NotComparableError
from clearhouse.defense.compare.pooling import NotPoolableError
from clearhouse.defense.compare.refusal import CardError
from clearhouse.defense.enroll.record import ToolFaultError
from clearhouse.defense.exercise.adjudicate import NotJudgedError
from clearhouse.defense.exercise.baseline import BaselineError
from clearhouse.defense.keep.refusal import (
    KeyTakenError,
    NoSuchCardError,
    TooFewNetworksError,
)
from clearhouse.defense.scenario.pack import PackError
from clearhouse.formats.dsse import UntrustedEnvelopeError

REFUSED: tuple[type[Exception], ...] = (
    PackError, CardError, NotComparableError, BaselineError, NotJudgedError,
    NotPoolableError, KeyTakenError,
)  # fmt: skip
OUTSIDE: tuple[type[Exception], ...] = (ToolFaultError,)
NO: tuple[type[Exception], ...] = (
    UntrustedEnvelopeError, NoSuchCardError, TooFewNetworksError,
)  # fmt: skip
