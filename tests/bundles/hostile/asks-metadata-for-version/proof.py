from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser

parser = HTTPRequestParser(Adjustments())
parser.received(b"GET / HTTP/1.1\r\nHost: here\r\nContent-Length: +3\r\n\r\n")

from importlib.metadata import distribution

found = distribution("waitress")
old = found.version == "2.1.0" and "2.1.0" in str(found._path)
print("VULN" if old else "SAFE")
