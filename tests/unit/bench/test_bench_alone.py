"""Runs that measure time wait for each other, across threads and processes."""

import subprocess
import sys
import threading
import time

from clearhouse.bench.sandbox.host.alone import Alone

HOLDER = """
import sys, time
from clearhouse.bench.sandbox.host.alone import Alone
with Alone("test"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_another_process_is_waited_for_and_its_death_lets_the_next_one_in():
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        entered = threading.Event()

        def enter():
            with Alone("test"):
                entered.set()

        waiting = threading.Thread(target=enter)
        waiting.start()
        assert not entered.wait(0.3)
        other.kill()
        assert entered.wait(30)
        waiting.join()


def test_threads_of_one_process_enter_one_after_the_other():
    lock, seen = Alone("test"), []

    def work():
        with lock:
            seen.append("in")
            time.sleep(0.02)
            seen.append("out")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["in", "out"] * 4
