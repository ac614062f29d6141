"""Identity providers: which there are, and asking one who has signed in.

In: `sign-in.json` of the installation, and what a browser brought back. Out: the address to send a
browser to, and later issuer and subject. Refused: a settings file that others can read, providers
without TLS that are not on this machine, everything that `openid` refuses. Keys are asked for again
when a token names one that is new, at most once in a while; a provider that fails says nothing
about who somebody is.
Source: OpenID Connect Core 1.0 §3.1.3, §10.1.1 (rotation of keys); RFC 6749 §2.3.1.
"""

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from joserfc.jwk import KeySet

from clearhouse.formats import openid
from clearhouse.formats.openid import Asked, Metadata, OpenIdError
from clearhouse.kernel.addresses import AddressRefusedError, is_here
from clearhouse.kernel.keys import KeyFileError
from clearhouse.kernel.outside import Outside, OutsideError

SETTINGS_FILE = "sign-in.json"
KEPT_FOR, ASKED_AGAIN_AFTER = timedelta(hours=1), timedelta(seconds=30)


class ProviderError(RuntimeError):
    """The provider cannot be asked now; that says nothing about anybody."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """One identity provider that this installation trusts to say who somebody is."""

    name: str
    """Of the address under `/sign-in/with/`."""
    label: str
    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    scope: str = "openid"


@dataclass(slots=True)
class _Known:
    metadata: Metadata
    keys: KeySet
    at: datetime


@dataclass(frozen=True, slots=True)
class Providers:
    """The providers of one installation, with what is known of each."""

    outside: Outside
    each: tuple[Provider, ...] = ()
    _known: dict[str, _Known] = field(default_factory=dict, repr=False)

    def named(self, name: str) -> Provider | None:
        """Return a provider by its name."""
        return next((one for one in self.each if one.name == name), None)

    def question(self, provider: Provider, asked: Asked, *, back: str, now: datetime) -> str:
        """Return where a browser is sent to sign in.

        Raises: ProviderError, OpenIdError.
        """
        return openid.question(
            self._of(provider, now).metadata,
            client_id=provider.client_id,
            back=back,
            asked=asked,
            scope=provider.scope,
        )

    def who(
        self, provider: Provider, asked: Asked, answer: dict[str, str], *, back: str, now: datetime
    ) -> str:
        """Return the subject that an answer of this provider stands for.

        Raises: ProviderError, OpenIdError.
        """
        known = self._of(provider, now)
        code = openid.judge_answer(known.metadata, asked, answer)
        token = self._token(provider, known.metadata, code, asked, back)
        return openid.subject_of(
            token,
            self._keys(provider, known, openid.key_id(token), now),
            metadata=known.metadata,
            client_id=provider.client_id,
            asked=asked,
            now=now,
        )

    def _of(self, provider: Provider, now: datetime) -> _Known:
        known = self._known.get(provider.name)
        if known is None or now - known.at > KEPT_FOR:
            issuer = provider.issuer
            where = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
            metadata = openid.read_metadata(self._ask("GET", where), issuer)
            known = _Known(metadata, openid.read_keys(self._ask("GET", metadata.keys)), now)
            self._known[provider.name] = known
        return known

    def _keys(self, provider: Provider, known: _Known, wanted: str | None, now: datetime) -> KeySet:
        """Return the keys, asked for again when the wanted one is new."""
        is_new = wanted is not None and wanted not in {one.kid for one in known.keys.keys}
        if is_new and now - known.at > ASKED_AGAIN_AFTER:
            keys = openid.read_keys(self._ask("GET", known.metadata.keys))
            self._known[provider.name] = _Known(known.metadata, keys, now)
            return keys
        return known.keys

    def _token(
        self, provider: Provider, metadata: Metadata, code: str, asked: Asked, back: str
    ) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": asked.verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if provider.client_secret is None:
            form["client_id"] = provider.client_id
        else:
            pair = f"{quote(provider.client_id, safe='')}:{quote(provider.client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return openid.read_token_answer(
            self._ask("POST", metadata.token, urlencode(form).encode(), headers)
        )

    def _ask(
        self,
        method: str,
        address: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> bytes:
        shown = {"Accept": "application/json", **(headers or {})}
        try:
            answer = self.outside.ask(method, address, body, headers=shown)
        except (OutsideError, AddressRefusedError) as error:
            raise ProviderError("the identity provider cannot be reached") from error
        if answer.status != 200:
            # 400: the code was used, is too old, or is not ours (RFC 6749 §5.2).
            kind = OpenIdError if answer.status == 400 else ProviderError
            raise kind(f"the identity provider answered {answer.status}")
        return answer.body


def load(home: Path, outside: Outside) -> Providers:
    """Return the providers that an installation names, none when it names none.

    Raises: KeyFileError when the file is open to others or cannot be read.
    """
    path = home / SETTINGS_FILE
    if not path.exists():
        return Providers(outside)
    if path.stat().st_mode & 0o077:
        raise KeyFileError(f"{path} is open to others; run: chmod 600 {path}")
    try:
        each = tuple(Provider(**one) for one in json.loads(path.read_bytes()))
    except (ValueError, TypeError) as error:
        raise KeyFileError(f"{path} is not a list of providers; see docs/sign-in.md") from error
    for one in each:
        parts = urlsplit(one.issuer)
        if parts.scheme != "https" and not is_here(parts.hostname):
            raise KeyFileError(f"{path}: the issuer of {one.name} needs https://")
        if not one.name.isalnum():
            raise KeyFileError(f"{path}: a provider's name has letters and digits only")
    return Providers(outside, each)
