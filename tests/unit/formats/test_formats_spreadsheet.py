import csv
import io
from datetime import UTC, datetime

import pytest

from clearhouse.formats import spreadsheet


def test_rows_come_back_as_they_went_in():
    at = datetime(2026, 11, 27, tzinfo=UTC)
    text = "".join(spreadsheet.lines(("a", "b"), [("x,\n'y\"", 3), (None, at)]))
    assert list(csv.reader(io.StringIO(text))) == [
        ["a", "b"],
        ["x,\n'y\"", "3"],
        ["", at.isoformat()],
    ]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(cell):
    (line,) = list(spreadsheet.lines(("a",), [(cell,)]))[1:]
    assert next(csv.reader(io.StringIO(line, newline="")))[0] == f"'{cell}"
