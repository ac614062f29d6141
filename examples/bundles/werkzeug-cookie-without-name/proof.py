import sys

from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

request = Request(EnvironBuilder(headers={"Cookie": "=__Host-session=chosen"}).get_environ())
sys.exit(42 if request.cookies.get("__Host-session") == "chosen" else 0)
