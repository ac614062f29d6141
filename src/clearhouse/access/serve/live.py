"""Who may call now: grants, tokens and proofs in memory, so that no request ever reaches SQL.

In: the grants that the store says are live, and what a caller shows. Out: the grant and the token
behind a call. Refused: everything else, each with its own code; the reasons never tell whether a
token or a key exists.
Look-ups go by SHA-256 of what was shown, so their time tells nothing about what is known.
Source: RFC 9449 §4.3, §5, §7; §11.1 for replay.
"""

import hashlib
import ipaddress
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from clearhouse.access.serve.limits import Limits
from clearhouse.access.serve.refusals import Code, RefusedCallError
from clearhouse.formats import dpop

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveGrant:
    """One grant as the gateway needs it."""

    grant_id: str
    window_id: str
    jkt: str
    key: dpop.PublicKey
    model: str
    served_names: frozenset[str]
    endpoints: frozenset[str]
    purposes: tuple[str, ...]
    networks: tuple[Network, ...]
    calls_per_minute: int
    concurrent_calls: int
    token_budget: int
    not_before: float
    not_after: float
    """Seconds since the epoch; the window's own end where that is earlier."""
    canaries: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """A short access token, by its hash."""

    grant_id: str
    purpose: str
    expires_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What a caller shows of itself."""

    token: str | None
    proof: str
    method: str
    address: str
    client: str


@dataclass(slots=True)
class Replays:
    """Proofs that were seen, until they are too old anyway; two generations, thrown away whole."""

    keep_s: float
    _now: set[bytes] = field(default_factory=set)
    _before: set[bytes] = field(default_factory=set)
    _turned_at: float = 0.0

    def fresh(self, unique: bytes, now: float) -> bool:
        """Remember a proof; False when it was seen."""
        if now - self._turned_at > self.keep_s:
            old = set() if now - self._turned_at > 2 * self.keep_s else self._now
            self._before, self._now, self._turned_at = old, set(), now
        if unique in self._now or unique in self._before:
            return False
        self._now.add(unique)
        return True


class Live:
    """The table of grants and the tokens issued for them."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_id: Mapping[str, LiveGrant] = {}
        self._by_key: Mapping[str, LiveGrant] = {}
        self._known: dict[str, str] = {}
        self._tokens: dict[bytes, Token] = {}
        self._of_grant: dict[str, OrderedDict[bytes, None]] = {}
        self._replays = Replays(limits.proof_oldest_s + limits.proof_ahead_s)

    def replace(self, grants: Iterable[LiveGrant]) -> None:
        """Put another table in place of the present one, in one step for every reader."""
        by_id = {one.grant_id: one for one in grants}
        self._known |= {one.jkt: one.grant_id for one in by_id.values()}
        self._by_key = {one.jkt: one for one in by_id.values()}
        self._by_id = by_id

    def grant(self, grant_id: str) -> LiveGrant | None:
        """Return a live grant."""
        return self._by_id.get(grant_id)

    def grants(self) -> tuple[LiveGrant, ...]:
        """Return every live grant."""
        return tuple(self._by_id.values())

    def issue(self, shown: Shown, purpose: str | None, now: float) -> tuple[str, Token]:
        """Give a short token to whoever proves to hold the key of a live grant.

        Raises: RefusedCallError.
        """
        jkt = _named(shown.proof)
        grant = self._by_key.get(jkt)
        if grant is None:
            code = Code.REVOKED if jkt in self._known else Code.BAD_PROOF
            raise RefusedCallError(code)
        self._prove(shown, grant, None, now)
        _demand_time_and_place(grant, shown.client, now)
        wanted = purpose or (grant.purposes[0] if len(grant.purposes) == 1 else "")
        if wanted not in grant.purposes:
            raise RefusedCallError(Code.PURPOSE, f"purposes: {', '.join(grant.purposes)}")
        secret = f"cha_{secrets.token_urlsafe(32)}"
        life = min(now + self._limits.token_life_s, grant.not_after)
        token = Token(grant_id=grant.grant_id, purpose=wanted, expires_at=life)
        self._keep(secret, token)
        return secret, token

    def authenticate(self, shown: Shown, now: float) -> tuple[LiveGrant, Token]:
        """Return the grant behind a call.

        Raises: RefusedCallError; its `grant_of` can name the grant that was spoken for.
        """
        token = self._tokens.get(_hash(shown.token or ""))
        if token is None or token.expires_at <= now:
            raise RefusedCallError(Code.BAD_TOKEN)
        grant = self._by_id.get(token.grant_id)
        if grant is None:
            raise RefusedCallError(Code.REVOKED)
        self._prove(shown, grant, shown.token, now)
        _demand_time_and_place(grant, shown.client, now)
        return grant, token

    def spoken_for(self, token: str | None) -> str | None:
        """Return the grant that a token was issued for, whoever shows it; None for no token."""
        known = self._tokens.get(_hash(token or ""))
        return known.grant_id if known else None

    def forget_expired(self, now: float) -> None:
        """Drop tokens that are over."""
        for digest in [one for one, token in self._tokens.items() if token.expires_at <= now]:
            token = self._tokens.pop(digest)
            self._of_grant.get(token.grant_id, OrderedDict()).pop(digest, None)

    def _prove(self, shown: Shown, grant: LiveGrant, token: str | None, now: float) -> None:
        expected = dpop.Expected(
            method=shown.method,
            address=shown.address,
            now=now,
            access_token=token,
            oldest_s=self._limits.proof_oldest_s,
            ahead_s=self._limits.proof_ahead_s,
        )
        try:
            claims = dpop.check(shown.proof, grant.key, grant.jkt, expected)
        except dpop.ProofError as error:
            raise RefusedCallError(Code.BAD_PROOF, str(error)) from error
        if not self._replays.fresh(claims.unique, now):
            raise RefusedCallError(Code.REPLAYED)

    def _keep(self, secret: str, token: Token) -> None:
        digest = _hash(secret)
        mine = self._of_grant.setdefault(token.grant_id, OrderedDict())
        while len(mine) >= self._limits.tokens_per_grant:
            oldest, _ = mine.popitem(last=False)
            self._tokens.pop(oldest, None)
        mine[digest] = None
        self._tokens[digest] = token


def _named(proof: str) -> str:
    try:
        return dpop.named_key(proof)
    except dpop.ProofError as error:
        raise RefusedCallError(Code.BAD_PROOF, str(error)) from error


def _demand_time_and_place(grant: LiveGrant, client: str, now: float) -> None:
    if now < grant.not_before:
        raise RefusedCallError(Code.NOT_YET)
    if now >= grant.not_after:
        raise RefusedCallError(Code.OVER)
    try:
        address = ipaddress.ip_address(client)
    except ValueError as error:
        raise RefusedCallError(Code.NETWORK) from error
    if not any(address in network for network in grant.networks):
        raise RefusedCallError(Code.NETWORK)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
