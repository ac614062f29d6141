"""The route."""

from clearhouse.kernel.services import Desk


def register_jobs(desk: Desk) -> None:
    """Register jobs."""
