"""Another Clearhouse: one signed request an envelope.

In: an envelope. Out: taken, or the other side's code. The request is signed with the house's key
(RFC 9421), covers method, address and the digest of the body (RFC 9530), and counts once: it has a
nonce and expires.
"""

import secrets

from clearhouse.clearing.coordinate.relay.adapters.way import Refusal, Taken, Way, json_of
from clearhouse.clearing.coordinate.relay.keys import relay_policy, signing
from clearhouse.clearing.coordinate.relay.record import code_of
from clearhouse.formats import dsse, http_signature, relay
from clearhouse.formats.relay import Envelope
from clearhouse.kernel.outside import OutsideError

PATH = "/v1/relay"


def send(way: Way, envelope: Envelope) -> Taken | Refusal:
    """Send one envelope.

    Raises: OutsideError, AddressRefusedError.
    """
    body, address = relay.write(envelope), way.peer.address + PATH
    key = signing(way.keys, way.now)
    headers = http_signature.sign(
        key,
        dsse.key_id(key.public_key()),
        method="POST",
        address=address,
        body=body,
        at=way.now,
        life=relay_policy().signature_life,
        nonce=secrets.token_urlsafe(24),
    )
    answer = way.outside.ask(
        "POST", address, body, headers=headers | {"Content-Type": relay.MEDIA_TYPE}
    )
    said = json_of(answer.body)
    if answer.status == 202:
        return Taken(known=said.get("known") is True)
    code = said.get("code")
    if 400 <= answer.status < 500 and isinstance(code, str):
        return Refusal(code=code_of(code))
    raise OutsideError(f"answered {answer.status}")
