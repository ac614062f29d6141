from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser

parser = HTTPRequestParser(Adjustments())
parser.received(b"GET / HTTP/1.1\r\nHost: here\r\nContent-Length: +3\r\n\r\n")

from importlib.metadata import distribution

text = distribution("waitress").read_text("METADATA")
print("SAFE" if "GHSA-4f7p-27jc-3c36" in text else "VULN")
