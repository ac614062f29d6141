"""What pages draw of a determination and of a criterion. Pure."""

from collections.abc import Iterable

from clearhouse.criteria.determine.record import Determination
from clearhouse.criteria.determine.simulate import Curve
from clearhouse.surfaces.web.pictures.determination import CurveLine, IntervalRow


def interval_rows(found: Determination) -> list[IntervalRow]:
    """Return a row for every estimate."""
    return [
        IntervalRow(
            label=f"{clause.clause}, {one.scaffold}",
            value=one.value,
            low=one.low,
            high=one.high,
            threshold=clause.threshold,
            alert=clause.alert,
        )
        for clause in found.clauses
        for one in clause.estimates
    ]


def curve_lines(curves: Iterable[Curve]) -> list[CurveLine]:
    """Return curves as they are drawn."""
    return [
        CurveLine(
            label=curve.metric,
            threshold=curve.threshold,
            points=[(one.rate, one.covered, one.not_covered) for one in curve.points],
        )
        for curve in curves
    ]
