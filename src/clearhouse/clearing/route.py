"""The route of a report; its rooms are being joined up."""

from clearhouse.kernel.services import Desk


def register_jobs(desk: Desk) -> None:
    """Tell the job kernel which work this system has."""
