import pytest

from clearhouse.bench.sandbox.host.record import Collected, Ended, Observation
from clearhouse.clearing.validate.reproduce.bundle import Oracle, OracleKind
from clearhouse.clearing.validate.reproduce.oracles import ask, ask_growth


def seen(ended=Ended.EXITED, code=0, out=b"", err=b"", collected=()):
    return Observation(
        ended=ended,
        exit_code=code,
        stdout=out,
        stderr=err,
        truncated=False,
        wall_s=1.0,
        cpu_s=1.0,
        peak_memory_bytes=None,
        collected=collected,
        limits=(),
        isolation=(),
    )


def oracle(kind, **rest):
    return Oracle(kind=OracleKind(kind), **rest)


TRACEBACK = b'Traceback (most recent call last):\n  File "x"\npkg.errors.ParseError: bad\n'
NODE = b"/x.js:1\nthrow\n^\n\nRangeError [CODE]: Invalid\n    at f (x.js:1)\n"
MARKER = (Collected(path="/work/marker/", data=b""),)


@pytest.mark.parametrize(
    ("asked", "observation", "fired"),
    [
        (oracle("output", match="^VULN"), seen(out=b"hm\nVULN 1\n"), True),
        (oracle("output", match="^VULN"), seen(out=b"not VULN\n"), False),
        (oracle("output", match="^VULN"), seen(), False),
        (oracle("exit-code", code=3), seen(code=3), True),
        (oracle("exit-code", code=3), seen(code=0), False),
        (oracle("exit-code", code=137), seen(ended=Ended.SIGNALLED, code=137), False),
        (oracle("exception", match="ParseError"), seen(code=1, err=TRACEBACK), True),
        (oracle("exception", match="Parse"), seen(code=1, err=TRACEBACK), False),
        (oracle("exception", match="RangeError"), seen(code=1, err=NODE), True),
        (oracle("exception", match="ParseError"), seen(code=0, err=TRACEBACK), False),
        (oracle("exception", match="ParseError"), seen(code=1), False),
        (oracle("file-created", path="/work/marker"), seen(collected=MARKER), True),
        (oracle("file-created", path="/work/other"), seen(collected=MARKER), False),
        (oracle("hang"), seen(ended=Ended.WALL_LIMIT, code=None), True),
        (oracle("hang"), seen(), False),
        (oracle("memory"), seen(ended=Ended.OUT_OF_MEMORY, code=137), True),
        (oracle("memory"), seen(ended=Ended.SIGNALLED, code=137), False),
    ],
)
def test_an_oracle_fires_on_what_was_declared_and_on_nothing_else(asked, observation, fired):
    assert ask(asked, observation).fired is fired


def test_an_oracle_that_needs_more_than_one_run_is_not_asked_about_one():
    with pytest.raises(ValueError, match="more than one"):
        ask(oracle("growth", sizes=(1, 2)), seen())


@pytest.mark.parametrize(
    ("seconds", "fired"),
    [
        ((0.1, 0.2, 0.5, 1.7), True),
        ((0.1, 0.2, 0.3, 0.5), False),
        ((0.1, 0.1, 0.1, 0.1), False),
        ((0.5, 0.5, 0.5, 0.5), False),
    ],
)
def test_growth_is_an_exponent_and_not_a_threshold(seconds, fired):
    sizes = (1, 1000, 2000, 4000)
    assert ask_growth(oracle("growth", sizes=sizes), sizes, seconds).fired is fired


def test_two_sizes_are_no_growth():
    assert not ask_growth(oracle("growth", sizes=(1, 2)), (1, 2), (1.0, 99.0)).fired
