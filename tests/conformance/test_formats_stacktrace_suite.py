"""Real crash logs of fuzzing services, with the states those services computed."""

import json

KNOWN_MISSES = {
    "android_null_stack": "the state is the name of the process; we show no invented frame",
    "stack_filtering": "the expected name is longer than the 80 characters of a state",
    "cdb_stack_overflow": "the state comes from the faulting address, not from the stack",
    "centipede_stack_limit_exceeded": "the third element is a path of the build machine",
    "ignore_skia_abort": "an inlined crash helper is expected twice",
}


def test_at_least_150_of_159_states_are_reproduced_exactly(suites):
    from clearhouse.formats.stacktrace import parse

    folder = suites / "clusterfuzz"
    cases = json.loads((folder / "expected.json").read_text("utf-8"))
    misses = {
        case["case"]
        for case in cases
        if parse((folder / "stacktraces" / case["file"]).read_text("utf-8", "replace")).state
        != tuple(case["crash_state"])
    }
    assert len(cases) == 159
    assert misses <= set(KNOWN_MISSES)
