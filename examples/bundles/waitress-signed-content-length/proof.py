import sys

from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser

parser = HTTPRequestParser(Adjustments())
lines = ("PUT /file HTTP/1.1", "Host: here", "Content-Length: +4", "", "body")
parser.received("\r\n".join(lines).encode())
sys.exit(0 if parser.error else 42)
