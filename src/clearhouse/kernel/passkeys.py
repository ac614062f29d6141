"""Passkeys: keys of a person's own device that open the desk and cannot be phished.

In: the answer of a browser to a challenge. Out: a new passkey, or the person behind one. Refused:
answers to another challenge, of another site, without the person's presence and verification
(fingerprint, face or PIN), with a wrong signature, or of an authenticator whose count went
backwards, as a copy's would. Nothing is asked about who made the authenticator.
Source: W3C Web Authentication Level 3, §7.1, §7.2 (also §6.1.1 on counts).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from clearhouse.formats.canonical import Json
from clearhouse.kernel import identity, sign_in
from clearhouse.kernel.identity import Actor
from clearhouse.kernel.ids import ActorId, new_id
from clearhouse.kernel.store.database import Transaction

MOST_ANSWER = 64 * 1024
_VERIFIED = UserVerificationRequirement.REQUIRED


class PasskeyError(ValueError):
    """The answer proves nothing; why is for nobody to know who sent it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Passkey:
    """One passkey, as its owner sees it."""

    passkey_id: str
    label: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """The site that passkeys are for: its host, and the one origin that may ask."""

    host: str
    origin: str

    def _server(self) -> Fido2Server:
        entity = PublicKeyCredentialRpEntity(id=self.host, name="Clearhouse desk")
        return Fido2Server(entity, verify_origin=lambda origin: origin == self.origin)

    def ask_to_add(
        self, transaction: Transaction, actor: Actor
    ) -> tuple[dict[str, Any], dict[str, Json]]:
        """Return what a browser is asked when it makes a passkey, and what to remember of it."""
        known = [
            PublicKeyCredentialDescriptor(
                type=PublicKeyCredentialType.PUBLIC_KEY, id=bytes(row["credential_id"])
            )
            for row in transaction.all(
                "SELECT credential_id FROM passkey WHERE actor_id = %s AND ended_at IS NULL",
                [actor.actor_id],
            )
        ]
        options, state = self._server().register_begin(
            PublicKeyCredentialUserEntity(
                id=actor.actor_id.encode(), name=actor.name, display_name=actor.name
            ),
            credentials=known,
            resident_key_requirement=ResidentKeyRequirement.REQUIRED,
            user_verification=_VERIFIED,
        )
        return dict(options.public_key), _plain(state)

    def add(
        self, transaction: Transaction, actor: Actor, label: str, state: Mapping[str, Json],
        answer: str,
    ) -> str:  # fmt: skip
        """Keep a new passkey and return its id.

        Raises: PasskeyError.
        """
        try:
            response = RegistrationResponse.from_dict(_document(answer))
            made = self._server().register_complete(dict(state), response)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise PasskeyError("the browser's answer proves nothing") from error
        credential = made.credential_data
        if credential is None:
            raise PasskeyError("the answer has no key")
        passkey_id = new_id("pak")
        added = transaction.execute(
            "INSERT INTO passkey (passkey_id, credential_id, actor_id, label, credential, used,"
            " created_at) VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [passkey_id, credential.credential_id, actor.actor_id, label, bytes(credential),
             made.counter, transaction.now],
        )  # fmt: skip
        if not added:
            raise PasskeyError("this key is known already")
        sign_in.note(
            transaction, "passkey.added", passkey_id, actor.actor_id, {"of": actor.actor_id}
        )
        return passkey_id

    def ask_to_enter(self) -> tuple[dict[str, Any], dict[str, Json]]:
        """Return what a browser is asked when somebody comes in, and what to remember of it."""
        options, state = self._server().authenticate_begin(user_verification=_VERIFIED)
        return dict(options.public_key), _plain(state)

    def who(self, transaction: Transaction, state: Mapping[str, Json], answer: str) -> Actor:
        """Return the person whose passkey answered.

        Raises: PasskeyError.
        """
        try:
            response = AuthenticationResponse.from_dict(_document(answer))
            row = transaction.one(
                "SELECT * FROM passkey WHERE credential_id = %s AND ended_at IS NULL FOR UPDATE",
                [response.raw_id],
            )
            if row is None:
                raise PasskeyError("no such passkey")
            credential = AttestedCredentialData(bytes(row["credential"]))
            self._server().authenticate_complete(dict(state), [credential], response)
            used = response.response.authenticator_data.counter
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise PasskeyError("the browser's answer proves nothing") from error
        actor = identity.actor(transaction, ActorId(row["actor_id"]))
        went_on = used > row["used"] or used == row["used"] == 0
        if actor is None or not went_on:
            raise PasskeyError("this passkey opens nothing")
        transaction.execute(
            "UPDATE passkey SET used = %s, last_used_at = %s WHERE passkey_id = %s",
            [used, transaction.now, row["passkey_id"]],
        )
        return actor


def passkeys_of(transaction: Transaction, actor: Actor) -> tuple[Passkey, ...]:
    """Return an actor's passkeys."""
    rows = transaction.all(
        "SELECT passkey_id, label, created_at, last_used_at FROM passkey"
        " WHERE actor_id = %s AND ended_at IS NULL ORDER BY created_at, passkey_id",
        [actor.actor_id],
    )
    return tuple(Passkey(**row) for row in rows)


def end_passkey(transaction: Transaction, actor: Actor, passkey_id: str) -> bool:
    """End one of the actor's own passkeys; True when it was live."""
    ended = transaction.execute(
        "UPDATE passkey SET ended_at = %s"
        " WHERE passkey_id = %s AND actor_id = %s AND ended_at IS NULL",
        [transaction.now, passkey_id, actor.actor_id],
    )
    if ended:
        facts: dict[str, Json] = {"of": actor.actor_id}
        sign_in.note(transaction, "passkey.ended", passkey_id, actor.actor_id, facts)
    return bool(ended)


def _document(answer: str) -> Mapping[str, Any]:
    if len(answer) > MOST_ANSWER:
        raise ValueError("too long")
    document = json.loads(answer)
    if not isinstance(document, dict):
        raise TypeError("not an object")
    return document


def _plain(state: object) -> dict[str, Json]:
    return cast("dict[str, Json]", json.loads(json.dumps(state, default=str)))
