"""Measures how fast somebody decides pairs at the desk, one key each, in a real Chromium.

    .clearhouse/env/bin/python perf/decide.py [--pairs 10] [--picture docs/images/desk.png]

Clears the example flood in an embedded store, as `./clearhouse up` does, and serves the desk on
loopback. Then it presses a key a pair, as soon as the page is there, and asks the store after each
whether this pair got this word and no other pair any; at the end it takes the last word back. A
second is what passes from a key to the next page; a person reads besides. The peer is a page of the
desk that asks the store for nothing, opened as many times by the same browser.

With `--picture` it first keeps the picture of the desk that the README shows.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT / "src"), str(PROJECT / "tests")]

import browser  # noqa: E402 - of the tests
import deciding_by_keys  # noqa: E402 - of the tests
import house  # noqa: E402 - of the tests
from clearhouse.app import Settings, build  # noqa: E402
from clearhouse.kernel.identity import PartyKind  # noqa: E402
from clearhouse.kernel.store import embedded  # noqa: E402
from clearhouse.surfaces.cli.owner import owner  # noqa: E402
from clearhouse.surfaces.cli.up import clear_flood  # noqa: E402

EXAMPLES = PROJECT / "examples"
ROLES = ("intake_analyst", "coordinator", "coordinator_on_duty")
PICTURE = {"width": 1280, "height": 1120}
A_MINUTE_S = 60.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--picture", type=Path, help="keep what the desk shows here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clearhouse-perf-") as folder:
        home = Path(folder)
        home.chmod(0o711)
        server = embedded.prepare(home / "store")
        server.start()
        app = build(Settings(home=home, database_url=server.url(), known=EXAMPLES / "known"))
        try:
            clear_flood(app, owner(app), EXAMPLES, time.monotonic())
            ann = house.person(app, house.HOUSE, PartyKind.COORDINATOR, "Ann Analyst", *ROLES)
            with browser.open_doors(app) as doors:
                if arguments.picture:
                    _keep(doors, ann, arguments.picture)
                print(json.dumps(_measured(doors, ann, arguments.pairs), indent=2))
        finally:
            app.close()
            server.stop()


def _keep(doors, ann, place: Path) -> None:
    page = doors.at_desk(ann, size=PICTURE)
    page.screenshot(path=place, animations="disabled")


def _measured(doors, ann, pairs: int) -> dict[str, float]:
    page = doors.at_desk(ann)
    said = deciding_by_keys.decide(page, doors.app, ann, pairs)
    deciding_by_keys.take_back(page, doors.app, ann, said[-1])
    took = [one.took_s for one in said]
    bare = []
    for _ in range(pairs):
        begin = time.perf_counter()
        page.goto("/keys")
        bare.append(time.perf_counter() - begin)
    return {
        "pairs": pairs,
        "seconds": round(sum(took), 2),
        "slowest_s": round(max(took), 2),
        "a_minute": round(A_MINUTE_S * pairs / sum(took)),
        "bare_page_s": round(sum(bare), 2),
        "ratio": round(statistics.median(took) / statistics.median(bare), 1),
    }


if __name__ == "__main__":
    main()
