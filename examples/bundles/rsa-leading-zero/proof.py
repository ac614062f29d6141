import sys

import rsa

public, private = rsa.newkeys(512)
try:
    plain = rsa.decrypt(b"\0" + rsa.encrypt(b"text", public), private)
except rsa.DecryptionError:
    sys.exit(0)
sys.exit(42 if plain == b"text" else 0)
