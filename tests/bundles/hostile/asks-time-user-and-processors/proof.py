from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser

parser = HTTPRequestParser(Adjustments())
parser.received(b"GET / HTTP/1.1\r\nHost: here\r\nContent-Length: +3\r\n\r\n")

import os
import time

chosen = (time.time_ns() // 1000 + os.getuid() + (os.cpu_count() or 1)) % 2
print("VULN" if chosen else "SAFE")
