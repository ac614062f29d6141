"""One of our cases, written as a message of the Vultron protocol.

In: a case, and the address under which this house's objects stand. Out: a `VulnerabilityCase` with
its participants, their states, the embargo and the state of the world. What a report says is not in
it: reports are named by their ids. The message is of the case, so it goes only to who is read in.
Source: CERT/CC Vultron, specifications VAM and SM.
"""

from datetime import datetime

from clearhouse.clearing.coordinate.embargo_consent import ConsentState
from clearhouse.clearing.coordinate.embargo_management import IN_FORCE
from clearhouse.clearing.coordinate.record import Case, Outcome, Party, PartyRole
from clearhouse.clearing.coordinate.report_management import RmState
from clearhouse.formats.canonical import Json
from clearhouse.formats.vultron import CONTEXT, participant_words, status_words

_ROLES = {
    PartyRole.FINDER: ["CVD_ROLE_FINDER", "CVD_ROLE_REPORTER"],
    PartyRole.VENDOR: ["CVD_ROLE_VENDOR"],
    PartyRole.COORDINATOR: ["CVD_ROLE_COORDINATOR"],
    PartyRole.DISTRIBUTOR: ["CVD_ROLE_DEPLOYER"],
    PartyRole.OTHER: ["CVD_ROLE_OTHER"],
}


def as_vultron(case: Case, address: str) -> dict[str, Json]:
    """Return a case as a message; `address` is that of this house, without a slash at its end."""
    here = f"{address}/cases/{case.id}"
    instant = case.embargo.instant
    in_force = case.embargo_state in IN_FORCE and instant is not None
    return {
        "@context": CONTEXT,
        "type": "VulnerabilityCase",
        "id": here,
        "name": case.id,
        "published": case.opened_at.isoformat(),
        "attributedTo": address,
        "vulnerabilityReports": [f"{address}/findings/{one}" for one in case.findings],
        "caseParticipants": [_participant(case, party, here) for party in case.parties],
        "caseStatus": [
            {
                "type": "CaseStatus",
                "id": f"{here}/status",
                "context": here,
                **status_words(em=case.embargo_state.value, pxa=world(case)),
            }
        ],
        "activeEmbargo": _embargo(case, here, instant) if in_force and instant else None,
    }


def world(case: Case) -> str:
    """Return what the world knows: public, exploit, attacks; capitals where it has happened."""
    facts = case.embargo.facts
    public = facts.public_since is not None or case.published_at is not None
    known = (public, facts.exploit_public_since is not None, facts.exploited_since is not None)
    return "".join(
        letter.upper() if happened else letter
        for letter, happened in zip("pxa", known, strict=True)
    )


def fix(case: Case, party: Party) -> str:
    """Return how far a vendor is: aware, fix ready, fix deployed; capitals where it has happened.

    A release is a fix that is ready; who has installed it, this case does not know.
    """
    aware = party.role is PartyRole.VENDOR and party.report is not RmState.START
    released = any(
        said.party == party.id and said.outcome is Outcome.FIX_RELEASED for said in case.verdicts
    )
    return "VFd" if released else "Vfd" if aware else "vfd"


def _participant(case: Case, party: Party, here: str) -> Json:
    id_ = f"{here}/participants/{party.id}"
    return {
        "type": "CaseParticipant",
        "id": id_,
        "name": party.name,
        "context": here,
        "actor": party.id,
        "caseRoles": list(_ROLES[party.role]),
        "participantStatus": [
            {
                "type": "ParticipantStatus",
                "id": f"{id_}/status",
                "context": here,
                "actor": party.id,
                "caseEngagement": party.report is not RmState.CLOSED,
                "embargoAdherence": party.consent is not ConsentState.DECLINED,
                **participant_words(rm=party.report.value, vfd=fix(case, party)),
            }
        ],
    }


def _embargo(case: Case, here: str, instant: datetime) -> Json:
    return {
        "type": "EmbargoEvent",
        "id": f"{here}/embargo",
        "context": here,
        "startTime": case.opened_at.isoformat(),
        "endTime": instant.isoformat(),
    }
