"""A coordinator that works by mail: the case as text, the originals attached.

In: an envelope whose label may travel in the clear; whoever hands it over has made sure that no
embargo holds. Out: the server's acceptance. Refused: anything but a case or a message, and a label
above what the policy lets travel in the clear, asked once more here. A mail that was accepted just
before a crash goes out again under the same Message-ID.
Source: RFC 5322; RFC-AI-0008 (draft) for the provenance block.
"""

from clearhouse.clearing.coordinate.relay.adapters.way import (
    Refusal,
    Taken,
    Way,
    provenance_text,
)
from clearhouse.clearing.coordinate.relay.keys import relay_policy
from clearhouse.clearing.coordinate.relay.record import Code
from clearhouse.clearing.coordinate.relay.rules import may_carry
from clearhouse.formats.relay import Envelope, Kind
from clearhouse.kernel.outside import Enclosure


def send(way: Way, envelope: Envelope) -> Taken | Refusal:
    """Send one mail.

    Raises: OutsideError, AddressRefusedError.
    """
    if envelope.kind not in {Kind.CASE, Kind.MESSAGE}:
        return Refusal(code=Code.NOT_TAKEN)
    if not may_carry(envelope.tlp, relay_policy().in_the_clear_up_to):
        return Refusal(code=Code.TLP_TOO_STRICT)
    words = (
        envelope.text or "A vulnerability report is forwarded to you; it is attached as it came."
    )
    way.outside.send_mail(
        way.peer.address,
        f"Forwarded vulnerability report [{envelope.handle}]",
        f"{words}\n\n{provenance_text(envelope)}\n",
        message_id=envelope.id,
        at=way.now,
        enclosures=[
            Enclosure(name=one.filename or f"original-{place}", data=one.data)
            for place, one in enumerate(envelope.originals)
        ],
    )
    return Taken()
