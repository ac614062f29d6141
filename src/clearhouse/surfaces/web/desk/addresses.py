"""The shape of ids in addresses, checked before the store is asked.

An id of another shape gives the same 404 as an id that does not exist.
"""

from typing import Annotated

from fastapi import Path

_RANDOM = "[a-z2-7]{26}"
NO_NUL = r"^[^\x00]*$"
"""What the store cannot keep in the clear."""


def _id(prefix: str) -> object:
    return Path(pattern=f"^{prefix}_{_RANDOM}$")


ViewAddress = Annotated[str, _id("vew")]
ActorAddress = Annotated[str, _id("act")]
EventAddress = Annotated[str, _id("evt")]
FindingAddress = Annotated[str, _id("fnd")]
ReportAddress = Annotated[str, _id("rep")]
CaseAddress = Annotated[str, _id("cas")]
InvitationAddress = Annotated[str, _id("inv")]
DetectionAddress = Annotated[str, _id("dtc")]
ThreadAddress = Annotated[str, _id("thr")]
PartyAddress = Annotated[str, _id("pty")]
TokenAddress = Annotated[str, _id("tok")]
SessionAddress = Annotated[str, _id("ses")]
AdmissionAddress = Annotated[str, _id("adm")]
GrantAddress = Annotated[str, _id("gra")]
WindowAddress = Annotated[str, _id("win")]
CardAddress = Annotated[str, _id("crd")]
PoolAddress = Annotated[str, _id("pol")]
EdgeAddress = Annotated[str, _id("edg")]
MailAddress = Annotated[str, Path(pattern="^mai_[a-z2-7]{26}$")]
AccountAddress = Annotated[str, _id("acc")]
PasskeyAddress = Annotated[str, _id("pak")]
