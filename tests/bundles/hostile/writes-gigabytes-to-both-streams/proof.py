from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser

parser = HTTPRequestParser(Adjustments())
parser.received(b"GET / HTTP/1.1\r\nHost: here\r\nContent-Length: +3\r\n\r\n")

import os

block = b"x" * (1 << 20)
for _ in range(512):
    os.write(1, block)
    os.write(2, block)
print("\nVULN", flush=True)
