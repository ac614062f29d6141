"""What a sanitizer's private log says, and whose fault it is."""

import pytest

from clearhouse.clearing.validate.reproduce.native_report import blames, fault, parse

TARGET = "/target/libtarget.so"
OVERFLOW = f"""=================================================================
==3==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000011 at pc 0x7f bp 0x1 sp 0x2
READ of size 1 at 0x602000000011 thread T0
    #0 0x7f44b884814a  (/lib/x86_64-linux-gnu/libasan.so.8+0x4814a)
    #1 0x7f44b8f8266f  ({TARGET}+0x1f66f) (BuildId: 00ff)
    #2 0x5612a659f62e  (/target/program+0x162e)
    #3 0x7f44b8645249  (/lib/x86_64-linux-gnu/libc.so.6+0x27249)

0x602000000011 is located 0 bytes to the right of 1-byte region
allocated by thread T0 here:
    #0 0x7f0000000000  (/target/program+0x9999)
"""
LEAK = f"""
==7==ERROR: LeakSanitizer: detected memory leaks

Direct leak of 24 byte(s) in 1 object(s) allocated from:
    #0 0x7fd565a4814b  (/usr/lib/x86_64-linux-gnu/libasan.so.8.0.0+0xb4)
    #1 0x7fd566278660  ({TARGET}+0x1a)
"""


def frames(*modules):
    lines = [f"    #{n} 0x1  ({module}+0x{n})" for n, module in enumerate(modules)]
    return parse("==1==ERROR: AddressSanitizer: SEGV on unknown address 0x0\n" + "\n".join(lines))


def test_the_kind_and_the_first_stack_are_read():
    report = parse(OVERFLOW)
    assert report.kind == "heap-buffer-overflow"
    assert [one.offset for one in report.frames] == ["0x4814a", "0x1f66f", "0x162e", "0x27249"]


def test_the_stack_of_the_allocation_is_not_taken_for_the_stack_of_the_fault():
    assert all(one.offset != "0x9999" for one in parse(OVERFLOW).frames)


def test_a_leak_is_blamed_on_whoever_allocated():
    report = parse(LEAK)
    assert (report.kind, blames(report, {TARGET})) == ("memory-leak", True)


def test_a_crash_without_an_address_keeps_its_short_name():
    assert frames(TARGET).kind == "SEGV"


@pytest.mark.parametrize(
    "runtime",
    [
        "/lib/x86_64-linux-gnu/libasan.so.8",
        "/lib/x86_64-linux-gnu/libc.so.6",
        "/lib/x86_64-linux-gnu/libc-2.36.so",
        "/usr/lib/llvm-14/lib/clang/14/lib/linux/libclang_rt.asan-x86_64.so",
        "/lib64/ld-linux-x86-64.so.2",
        "/lib/x86_64-linux-gnu/libstdc++.so.6.0.30",
    ],
)
def test_the_sanitizer_and_the_c_library_are_looked_through(runtime):
    assert fault(frames(runtime, TARGET)).module == TARGET


def test_a_fault_in_the_harness_above_the_target_is_the_harnesss():
    assert not blames(frames("/target/program", TARGET), {TARGET})


def test_a_library_that_only_sounds_like_the_c_library_is_not_looked_through():
    assert fault(frames("/target/libcue.so", TARGET)).module == "/target/libcue.so"


def test_a_report_without_frames_blames_nobody():
    report = parse("==1==ERROR: AddressSanitizer: SEGV on unknown address\n")
    assert (report.frames, blames(report, {TARGET})) == ((), False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "AddressSanitizer: heap-buffer-overflow",
        "==x==ERROR: AddressSanitizer: SEGV",
        "\x00" * 99,
    ],
)
def test_what_is_no_report_is_none(text):
    assert parse(text) is None


def test_frames_that_do_not_count_up_are_not_joined():
    text = OVERFLOW.replace("    #2", "    #7")
    assert len(parse(text).frames) == 2


def test_a_log_of_many_lines_is_read_in_time():
    text = OVERFLOW.splitlines()[1] + "\n" + "    #0 0x1 (" * 50_000 + "\n" * 50_000
    assert parse(text).frames == ()
