import contextlib
import struct

import bson

# Code with a scope: its sizes add up beyond 32 bits, to the small sum that is stated.
code = struct.pack("<i", 1) + b"\0"
member = b"\x02k\0" + struct.pack("<i", 96) + b"short"
value = struct.pack("<i", 8) + code + struct.pack("<I", 0xFFFFFFFF) + member
body = b"\x0fa\0" + value
document = struct.pack("<i", 4 + len(body) + 1) + body + b"\0"
with contextlib.suppress(bson.errors.InvalidBSON):
    bson.decode(document)
