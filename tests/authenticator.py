"""An authenticator of software: makes passkeys and answers with them as a device would."""

import json
import secrets

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import sha256, websafe_decode, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

FLAGS = AuthenticatorData.FLAG


class Authenticator:
    """One device with one passkey."""

    def __init__(self, *, verifies=True, counts=True):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(16)
        self.count = 0
        self.counts = counts
        self.flags = FLAGS.UP | (FLAGS.UV if verifies else FLAGS(0))

    def _client(self, kind, options, origin):
        challenge = websafe_decode(options["challenge"])
        return CollectedClientData.create(type=kind, challenge=challenge, origin=origin)

    def make(self, options, origin):
        """Answer `navigator.credentials.create`, as `toJSON` gives it."""
        client = self._client("webauthn.create", options, origin)
        public = ES256.from_cryptography_key(self.key.public_key())
        held = AttestedCredentialData.create(Aaguid.NONE, self.id, public)
        data = AuthenticatorData.create(
            sha256(options["rp"]["id"].encode()), self.flags | FLAGS.AT, self.count, bytes(held)
        )
        return json.dumps(self._envelope(
            {
                "clientDataJSON": websafe_encode(client),
                "attestationObject": websafe_encode(AttestationObject.create("none", data, {})),
            }
        ))  # fmt: skip

    def answer(self, options, origin, *, host=None):
        """Answer `navigator.credentials.get`, as `toJSON` gives it."""
        self.count += self.counts
        client = self._client("webauthn.get", options, origin)
        data = AuthenticatorData.create(
            sha256((host or options["rpId"]).encode()), self.flags, self.count
        )
        signature = self.key.sign(bytes(data) + client.hash, ec.ECDSA(hashes.SHA256()))
        return json.dumps(self._envelope(
            {
                "clientDataJSON": websafe_encode(client),
                "authenticatorData": websafe_encode(data),
                "signature": websafe_encode(signature),
            }
        ))  # fmt: skip

    def _envelope(self, response):
        name = websafe_encode(self.id)
        return {
            "id": name, "rawId": name, "type": "public-key", "response": response,
            "clientExtensionResults": {},
        }  # fmt: skip
