"""Who a token was issued to. Tokens are signed by the issuer; its public key is known to all."""

import base64
import hashlib
import hmac
import json

PUBLIC_KEY = "2170091145492521345282523451754810382911907501109960766721861619622809186657481345138927856360524310541664586493216575732483929162411729615594069737264029059:65537"


def decode(part):
    """Return the bytes of one part of a token."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def verify_rsa(message, signature):
    """Check a signature of the issuer."""
    modulus, exponent = (int(number) for number in PUBLIC_KEY.split(":"))
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    return pow(int.from_bytes(signature, "big"), exponent, modulus) == digest


def verify_hmac(message, signature):
    """Check a code made with a shared key."""
    code = hmac.digest(PUBLIC_KEY.encode(), message, "sha256")
    return hmac.compare_digest(code, signature)


METHODS = {"RS256": verify_rsa, "HS256": verify_hmac}


def holder(token):
    """Return the holder of a token, or None."""
    try:
        head, body, signature = token.split(".")
        method = METHODS[json.loads(decode(head))["alg"]]
    except (KeyError, ValueError):
        return None
    if not method(f"{head}.{body}".encode(), decode(signature)):
        return None
    return json.loads(decode(body))["holder"]


def handle(request):
    """Answer `{"do": "key"}` or `{"do": "holder", "token": ...}`."""
    if request["do"] == "key":
        return {"key": PUBLIC_KEY}
    return {"holder": holder(request["token"])}
