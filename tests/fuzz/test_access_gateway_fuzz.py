"""No request, however odd, gets past the key check or makes the gateway fail by itself.

The application is called directly, over a table of one grant; no connection to a model is open, so
whatever came through would answer `upstream-unreachable`.
"""

import asyncio
import json
import string
import time
from ipaddress import ip_network

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clearhouse.access.serve.gateway import Gateway, GatewaySettings
from clearhouse.access.serve.live import LiveGrant
from clearhouse.access.serve.upstream import Place
from clearhouse.formats import dpop
from early import MODEL, new_key

ADDRESS = "http://gateway.test"
CHAT = "/v1/chat/completions"
many = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Alone:
    """A gateway without a store that believes it hears one."""

    def __init__(self, folder):
        self.key = new_key()
        places = {"openai": Place(address="http://127.0.0.1:9")}
        self.gateway = Gateway(
            GatewaySettings(
                database_url="", public_url=ADDRESS, folder=folder, places=places,
            )
        )  # fmt: skip
        self.gateway.heart._heard_at = float("inf")
        jwk = dpop.public_jwk(self.key.public_key())
        grant = LiveGrant(
            grant_id="gra_x", window_id="win_x", jkt=dpop.thumbprint(jwk),
            key=self.key.public_key(), model=MODEL, served_names=frozenset({MODEL}),
            endpoints=frozenset({"openai.chat"}), purposes=("evaluation",),
            networks=(ip_network("0.0.0.0/0"),), calls_per_minute=10**6, concurrent_calls=10,
            token_budget=10**9, not_before=0, not_after=time.time() + 10**6,
        )  # fmt: skip
        self.gateway.live.replace([grant])
        self.grant = grant

    def proof(self, method=b"POST", path=CHAT, token=None, key=None):
        return dpop.prove(key or self.key, "POST", ADDRESS + path, now=time.time(),
                          access_token=token)  # fmt: skip

    def ask(self, method="POST", path=CHAT, headers=(), body=b"", query=b"", chunks=None):
        """Return status and document of one request."""
        pieces = list(chunks or [body])
        said = []

        async def receive():
            if not pieces:
                return {"type": "http.disconnect"}
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message):
            said.append(message)

        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode("utf-8", "replace"),
            "query_string": query, "headers": list(headers), "client": ("127.0.0.1", 1),
        }  # fmt: skip

        asyncio.run(self.gateway(scope, receive, send))
        text = b"".join(message.get("body", b"") for message in said[1:])
        return said[0]["status"], json.loads(text)

    def token(self):
        status, said = self.ask(
            path="/token", headers=[(b"dpop", self.proof(path="/token").encode())]
        )
        assert status == 200, said
        return said["access_token"]


@pytest.fixture
def alone(tmp_path):
    made = Alone(tmp_path / "receipts")
    yield made
    made.gateway._journal.close()


def code(said):
    return said["type"].rsplit(":", 1)[1]


def test_a_right_request_does_come_through_here(alone):
    token = alone.token()
    headers = [
        (b"authorization", f"DPoP {token}".encode()),
        (b"dpop", alone.proof(token=token).encode()),
    ]
    body = json.dumps({"model": MODEL, "messages": [], "max_tokens": 5}).encode()
    assert alone.ask(headers=headers, body=body)[1]["error"]["code"] == "upstream-unreachable"


header_bytes = st.binary(max_size=60) | st.text(string.printable, max_size=60).map(str.encode)
names = st.sampled_from([b"authorization", b"dpop", b"host", b"content-length", b"transfer-encoding",
                         b"x-forwarded-for", b"content-encoding", b"accept", b"x-api-key"])  # fmt: skip


@many
@given(
    st.lists(st.tuples(names, header_bytes), max_size=6),
    st.sampled_from(["GET", "POST", "PUT", "OPTIONS", "TRACE", "post", "\x00"]),
    st.sampled_from([CHAT, "/token", "/v1/models", "/", "/v1/../token", "/TOKEN", "//token", "/%74oken"])
    | st.text(max_size=30).map(lambda text: f"/{text}"),
    st.binary(max_size=200),
    st.sampled_from([b"", b"", b"a=1"]),
)  # fmt: skip
def test_no_headers_paths_or_bodies_without_a_key_get_past_the_check(
    alone, headers, method, path, body, query
):
    status, said = alone.ask(method, path, headers, body, query)
    assert 400 <= status < 500, said
    assert code(said) in {"no-token", "bad-token", "bad-proof", "headers", "too-large"}
    assert said["status"] == status


@many
@given(st.data())
def test_no_change_to_a_proof_leaves_it_a_proof(alone, data):
    token = alone.token()
    proof = alone.proof(token=token)
    how = data.draw(st.sampled_from(["byte", "cut", "swap", "none-alg", "other-key", "claims"]))
    head, claims, signature = proof.split(".")
    if how == "byte":
        at = data.draw(st.integers(0, len(proof) - 1))
        letter = data.draw(st.sampled_from(string.ascii_letters + string.digits + "-_.=").filter(
            lambda one: one != proof[at]))  # fmt: skip
        changed = proof[:at] + letter + proof[at + 1 :]
    elif how == "cut":
        changed = proof[: data.draw(st.integers(0, len(proof) - 1))]
    elif how == "swap":
        changed = ".".join(data.draw(st.permutations([head, claims, signature]).filter(
            lambda one: one != [head, claims, signature])))  # fmt: skip
    elif how == "none-alg":
        fields = json.loads(dpop.decode(head)) | {"alg": data.draw(st.sampled_from(
            ["none", "HS256", "ES256", "RS256", "", None]))}  # fmt: skip
        changed = f"{dpop.encode(json.dumps(fields).encode())}.{claims}.{signature}"
    elif how == "other-key":
        changed = alone.proof(token=token, key=new_key())
    else:
        fields = json.loads(dpop.decode(claims)) | data.draw(
            st.dictionaries(
                st.sampled_from(["htm", "htu", "iat", "jti", "ath"]),
                st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(1e400),
                min_size=1,
            )
        )
        changed = f"{head}.{dpop.encode(json.dumps(fields).encode())}.{signature}"
    headers = [(b"authorization", f"DPoP {token}".encode()), (b"dpop", changed.encode())]
    status, said = alone.ask(headers=headers, body=b"{}")
    assert (status, code(said)) == (401, "bad-proof"), how


bodies = st.binary(max_size=300) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["model", "messages", "max_tokens", "stream", "n", "store", "models", "url"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode())


@many
@given(bodies, st.booleans())
def test_no_body_makes_the_gateway_fail_or_asks_another_model(alone, body, split):
    token = alone.token()
    headers = [
        (b"authorization", f"DPoP {token}".encode()),
        (b"dpop", alone.proof(token=token).encode()),
    ]
    chunks = [body[:3], body[3:]] if split else [body]
    status, said = alone.ask(headers=headers, chunks=chunks)
    if status == 502:
        fields = json.loads(body)
        assert fields["model"] == MODEL
        assert fields["max_tokens"] > 0
    else:
        assert 400 <= status < 500, said


def test_a_body_that_breaks_off_or_comes_in_pieces_is_understood(alone):
    token = alone.token()

    def headers():
        return [(b"authorization", f"DPoP {token}".encode()),
                (b"dpop", alone.proof(token=token).encode())]  # fmt: skip

    good = json.dumps({"model": MODEL, "messages": [], "max_tokens": 5}).encode()
    assert alone.ask(headers=headers(), chunks=[good[:5], b"", good[5:]])[0] == 502
    large = [b"x" * 1_000_000] * 12
    assert code(alone.ask(headers=headers(), chunks=large)[1]) == "too-large"
    announced = [*headers(), (b"content-length", b"100000000")]
    assert code(alone.ask(headers=announced, body=b"x")[1]) == "too-large"


def test_a_flood_of_refusals_is_counted_and_does_not_fill_the_disk(alone):
    token = alone.token()
    headers = [(b"authorization", f"DPoP {token}".encode()), (b"dpop", b"nonsense")]
    for _ in range(200):
        assert alone.ask(headers=headers)[0] == 401
    alone.gateway.accounts.write_counts(time.time())
    entries = [json.loads(line) for line in alone.gateway._journal.batch()]
    assert sum(entry["kind"] == "refused" for entry in entries) == 60
    counted = [entry["counts"] for entry in entries if entry["kind"] == "counted"]
    assert counted == [{"bad-proof": 140}]
