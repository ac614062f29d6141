from waitress import rfc7230
from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser

HTTPRequestParser(Adjustments()).received(
    b"GET / HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\nabc"
)
print("SAFE" if hasattr(rfc7230, "ONLY_DIGIT_RE") else "VULN")
