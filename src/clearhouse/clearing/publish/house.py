"""Who issues advisories here, and who of the house finds them in the ledger.

In: the policy `publish/house-1`. Out: the publisher. Refused: nothing here; a publisher without a
name or an address holds advisories back.
"""

from typing import Final

from clearhouse.clearing.publish.record import Cna, Publisher
from clearhouse.kernel import policy

PUBLIC_READERS: Final = (
    "role:clearing",
    "role:coordinator",
    "role:coordinator_on_duty",
    "role:intake_analyst",
    "role:auditor",
)
"""Who finds the event of a publication in the ledger: everybody at the desk."""


def publisher() -> Publisher:
    """Return who issues advisories here. Source: policies/publish/house-1.yaml."""
    document = policy.load("publish/house-1")
    contact, authority = document.get("contact"), document.get("issuing_authority")
    org_id, short_name = document.get("cna_org_id"), document.get("cna_short_name")
    drafts = document.get("drafts") or []
    return Publisher(
        name=str(document.get("name") or ""),
        namespace=str(document.get("namespace") or ""),
        contact=str(contact) if contact else None,
        issuing_authority=str(authority) if authority else None,
        drafts=frozenset(map(str, drafts)) if isinstance(drafts, list) else frozenset(),
        cna=Cna(org_id=str(org_id), short_name=str(short_name) if short_name else None)
        if org_id
        else None,
    )
