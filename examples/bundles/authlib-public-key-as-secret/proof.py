import base64
import hashlib
import hmac
import sys

from authlib.jose import JsonWebToken
from authlib.jose.errors import JoseError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


public = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
form = serialization.PublicFormat.SubjectPublicKeyInfo
pem = public.public_bytes(serialization.Encoding.PEM, form)
signed = encode(b'{"alg":"HS256"}') + b"." + encode(b'{"role":"owner"}')
token = signed + b"." + encode(hmac.new(pem, signed, hashlib.sha256).digest())
try:
    claims = JsonWebToken(["RS256", "HS256"]).decode(token, pem)
except (JoseError, ValueError):
    sys.exit(0)
sys.exit(42 if claims["role"] == "owner" else 0)
