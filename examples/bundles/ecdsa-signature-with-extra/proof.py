import sys

from ecdsa import NIST256p, SigningKey
from ecdsa.util import sigdecode_der, sigencode_der

key = SigningKey.generate(curve=NIST256p)
signature = bytearray(key.sign(b"message", sigencode=sigencode_der))
wide = b"\x30\x81" + bytes(signature[1:2]) + bytes(signature[2:])
try:
    good = key.get_verifying_key().verify(wide, b"message", sigdecode=sigdecode_der)
except Exception:
    sys.exit(0)
sys.exit(42 if good else 0)
