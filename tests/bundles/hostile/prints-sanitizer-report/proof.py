from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser

parser = HTTPRequestParser(Adjustments())
parser.received(b"GET / HTTP/1.1\r\nHost: here\r\nContent-Length: +3\r\n\r\n")

import os
import sys

print("==1==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000011")
print("    #0 0x4c2f1d in parse_headers /target/waitress/parser.c:71", file=sys.stderr)
print("VULN")
sys.stdout.flush()
os.abort()
