import sys

from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from gunicorn.http.parser import RequestParser

lines = (
    "POST / HTTP/1.1",
    "Host: here",
    "Content-Length: 4",
    "Transfer-Encoding: xchunked",
    "",
    "body",
)
try:
    for request in RequestParser(Config(), iter(["\r\n".join(lines).encode()]), ("127.0.0.1", 1)):
        sys.exit(42 if request.method == "POST" else 0)
except ParseException:
    sys.exit(0)
