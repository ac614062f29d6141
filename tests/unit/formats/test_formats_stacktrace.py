import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhouse.formats.stacktrace import parse

ASAN = """\
==1==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000011 at pc 0x1
READ of size 4 at 0x602000000011 thread T0
    #0 0x4f1 in __interceptor_memcpy /src/llvm-project/compiler-rt/lib/asan/asan_interceptors.cpp:1
    #1 0x4f2 in (anonymous namespace)::read_header(char const*, int) /src/lib/header.cc:12:3
    #2 0x4f3 in yaml::Parser::next() const /src/lib/parser.cc:40
    #3 0x4f4 in LLVMFuzzerTestOneInput /src/fuzz/parse_fuzzer.cc:8:5
    #4 0x4f5 in fuzzer::Fuzzer::ExecuteCallback(unsigned char const*, unsigned long) Fuzzer.cpp:1

0x602000000011 is located 0 bytes to the right of 1-byte region
allocated by thread T0 here:
    #0 0x4e1 in malloc /src/asan.cpp:1
    #1 0x4e2 in allocate_somewhere_else /src/lib/alloc.c:2
SUMMARY: AddressSanitizer: heap-buffer-overflow /src/lib/header.cc:12:3 in read_header
"""
UBSAN = """\
/src/a.c:3:5: runtime error: signed integer overflow: 2147483647 + 1 cannot be represented
    #0 0x1 in add_sizes /src/a.c:3:5
    #1 0x2 in main /src/main.c:9
SUMMARY: UndefinedBehaviorSanitizer: undefined-behavior /src/a.c:3:5 in
"""
MSAN = """\
==7==WARNING: MemorySanitizer: use-of-uninitialized-value
    #0 0x1 in decode_block /src/z.c:3:5
    #1 0x2 in decode /src/z.c:9
"""
LSAN = """\
==9==ERROR: LeakSanitizer: detected memory leaks

Direct leak of 12 byte(s) in 1 object(s) allocated from:
    #0 0x1 in malloc /src/asan.cpp:1
    #1 0x2 in make_node /src/tree.c:3

Direct leak of 4 byte(s) in 1 object(s) allocated from:
    #0 0x1 in malloc /src/asan.cpp:1
    #1 0x2 in another_leak /src/tree.c:99
"""
JAVA = """\
Exception in thread "main" java.lang.IllegalStateException: no
\tat com.example.Codec.decode(Codec.java:12)
\tat java.base/java.util.ArrayList.forEach(ArrayList.java:1511)
\tat com.example.Main.main(Main.java:3)
"""
PYTHON = """\
Traceback (most recent call last):
  File "/usr/lib/run.py", line 1, in <module>
    go()
  File "/srv/app/yaml/loader.py", line 40, in full_load
    return load(x)
  File "/srv/app/yaml/constructor.py", line 9, in construct
    raise ValueError
ValueError
"""
NODE = """\
/srv/a.js:3
Uncaught exception: boom
    at merge (/srv/lodash/lodash.js:12:9)
    at Object.defaultsDeep (/srv/lodash/lodash.js:40:2)
    at async run (node:internal/modules:1:2)
"""
GO = """\
panic: runtime error: index out of range [5] with length 3 [recovered]

goroutine 1 [running]:
runtime.gopanic(0x1)
\t/go/src/runtime/panic.go:1 +0x1
github.com/acme/yaml/internal.(*Reader).next(0xc000, 0x2)
\t/src/reader.go:12 +0x1a
github.com/acme/yaml.Parse({0xc0, 0x1})
\t/src/parse.go:2 +0x2
main.main()
\t/src/main.go:2 +0x2
"""
RUST = """\
thread 'main' panicked at 'index out of bounds: the len is 3 but the index is 7', src/lib.rs:9:5
stack backtrace:
   0: rust_begin_unwind
   1: core::panicking::panic_fmt
   2: acme_yaml::reader::next
             at src/reader.rs:9:5
   3: acme_yaml::parse
"""
KERNEL = """\
[    1.0] BUG: KASAN: use-after-free in hid_probe+0x1/0x2
[    1.1] Write of size 8 at addr ffff88 by task syz/1
[    1.2] Call Trace:
[    1.3]  dump_stack+0x1/0x2
[    1.4]  ? guessed_frame+0x1/0x2
[    1.5]  hid_probe+0xa1/0xd0 drivers/hid/hid.c:1
[    1.6]  really_probe+0x335/0x780
"""


@pytest.mark.parametrize(
    ("log", "kind", "state"),
    [
        (
            ASAN,
            "Heap-buffer-overflow\nREAD 4",
            ("read_header", "yaml::Parser::next", "parse_fuzzer.cc"),
        ),
        (UBSAN, "Integer-overflow", ("add_sizes",)),
        (MSAN, "Use-of-uninitialized-value", ("decode_block", "decode")),
        (LSAN, "Direct-leak", ("make_node",)),
        (
            JAVA,
            "Uncaught exception",
            ("com.example.Codec.decode", "java.util.ArrayList.forEach", "com.example.Main.main"),
        ),
        (PYTHON, "Uncaught exception", ("construct", "full_load")),
        (NODE, "Uncaught exception", ("merge", "Object.defaultsDeep")),
        (GO, "Index out of range", ("internal.(*Reader).next", "yaml.Parse")),
        (
            RUST,
            "Rust panic",
            (
                "index out of bounds: the len is NUMBER but the index is NUMBER",
                "acme_yaml::reader::next",
                "acme_yaml::parse",
            ),
        ),
        (KERNEL, "Kernel failure\nUse-after-free\nWRITE 8", ("hid_probe", "really_probe")),
    ],
    ids=["asan", "ubsan", "msan", "lsan", "java", "python", "node", "go", "rust", "kernel"],
)
def test_the_first_telling_frames_stand_for_the_crash(log, kind, state):
    crash = parse(log)
    assert crash.type == kind
    assert crash.state == state


def test_a_log_without_a_crash_has_no_state():
    assert parse("all tests passed\n").state == ()
    assert parse("").frames == ()
    assert parse("==1==ERROR: AddressSanitizer: allocator is out of memory").state == ()


def test_a_crash_without_frames_says_so():
    assert parse("ERROR: libFuzzer: deadly signal").state == ("NULL",)


def test_a_failed_check_outlives_the_abort_that_ends_it():
    log = "[1:FATAL:queue.cc(12)] Check failed: size_ > 0 (0 vs. 1)\n" + ASAN.replace(
        "heap-buffer-overflow on", "ABRT on"
    )
    assert parse(log).type == "CHECK failure"
    assert parse(log).state[:2] == ("size_ > 0 in queue.cc", "read_header")


def test_frames_keep_where_they_are():
    frame = parse(ASAN).frames[1]
    assert (frame.function, frame.file, frame.line) == ("read_header", "/src/lib/header.cc", 12)


def test_a_recursion_is_named_by_its_cycle_wherever_it_died():
    head = "==1==ERROR: AddressSanitizer: stack-overflow on address 0x7ff\n"
    cycle = "".join(f"    #{i} 0x1 in {'ab'[i % 2]}_rule /src/p.c:{i}\n" for i in range(1, 60))
    log = head + "    #0 0x1 in leaf /src/p.c:0\n" + cycle
    assert set(parse(log).state) == {"a_rule", "b_rule"}


def test_a_stack_of_ten_thousand_frames_is_read_in_time():
    log = "==1==ERROR: AddressSanitizer: stack-overflow on address 0x7ff\n" + "".join(
        f"    #{i} 0x{i:x} in rule{i % 7}(int) /src/p.c:{i}\n" for i in range(10_000)
    )
    start = time.perf_counter()
    assert parse(log).state[0].startswith("rule")
    assert time.perf_counter() - start < 5


HOSTILE = [
    "    #0 0x4f in " + "a " * 2000,
    "#1 0x12 in " + "/a" * 2000 + " (",
    "at " + "a." * 2000 + "(",
    "(" * 4000,
    "a/" * 2000 + "b.c(",
    "1: " + "a::" * 1500 + "!",
    "\\FATAL:(" * 500,
    "assertion failed: (" + ")" * 3000,
]


@pytest.mark.parametrize("line", HOSTILE)
def test_a_hostile_line_costs_no_more_than_a_few_milliseconds(line):
    start = time.perf_counter()
    parse(f"{line}\n" * 200)
    assert time.perf_counter() - start < 2


@given(st.text(max_size=400))
def test_any_text_is_read_without_failing(text):
    assert len(parse("==1==ERROR: AddressSanitizer: SEGV\n" + text).state) <= 4
