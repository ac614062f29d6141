from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser

parser = HTTPRequestParser(Adjustments())
parser.received(b"GET / HTTP/1.1\r\nHost: here\r\nContent-Length: +3\r\n\r\n")

from waitress import parser as module
from waitress import utilities

names = set(dir(module)) | set(dir(utilities))
for one in vars(HTTPRequestParser).values():
    code = getattr(one, "__code__", None)
    if code is not None:
        names.update(code.co_names)
print("SAFE" if "ONLY_DIGIT_RE" in names else "VULN")
