import sys

import jwt
from jwt.algorithms import HMACAlgorithm, get_default_algorithms

KEY = b"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY="


class Blind(HMACAlgorithm):
    def prepare_key(self, key):
        return key


signer = jwt.PyJWS(algorithms=["HS256"])
signer._algorithms["HS256"] = Blind(HMACAlgorithm.SHA256)
token = signer.encode(b'{"role": "owner"}', KEY, algorithm="HS256")
try:
    claims = jwt.decode(token, KEY, algorithms=list(get_default_algorithms()))
except jwt.exceptions.InvalidKeyError:
    sys.exit(0)
sys.exit(42 if claims["role"] == "owner" else 0)
