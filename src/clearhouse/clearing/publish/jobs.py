"""The work of this room that runs by the clock."""

from clearhouse.clearing.publish import operations
from clearhouse.kernel.services import Desk


def publish_due(desk: Desk) -> None:
    """Publish every case whose time has come; idempotent, safe to kill and to run twice."""
    operations.publish_due(desk)
