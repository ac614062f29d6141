"""The calendar of scan leases, and what maintainers allow."""

from fastapi import APIRouter, Response

from clearhouse.clearing.deconflict.leases import operations
from clearhouse.clearing.deconflict.leases.record import Lease
from clearhouse.kernel.identity import party_names
from clearhouse.surfaces.web.desk.entrance import Here
from clearhouse.surfaces.web.pictures.calendar import Bar, lease_calendar

router = APIRouter(include_in_schema=False)


@router.get("/leases")
def show(here: Here) -> Response:
    """Show the leases that this actor may read; to those on duty all of them."""
    with here.transaction() as transaction:
        found = operations.leases(here.desk, transaction, here.actor)
        limits = operations.limits(here.desk, transaction, here.actor)
        names = party_names(transaction, [one.party_id for one in found])
    bars = [_bar(one, names.get(one.party_id, "")) for one in found]
    return here.page(
        "leases.html",
        leases=found,
        limits=limits,
        names=names,
        calendar=lease_calendar(here.desk.database.clock(), bars),
    )


def _bar(lease: Lease, party: str) -> Bar:
    return Bar(
        target=lease.scope.target,
        label=f"{party} · {lease.tool}{' · shared' if lease.shared else ''}",
        look=lease.state.value,
        starts=lease.scope.starts,
        until=lease.scope.until,
    )
