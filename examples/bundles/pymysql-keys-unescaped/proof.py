import sys

from pymysql import converters

given = {"0) OR 1=1 -- ": 1}
try:
    written = converters.escape_item(given, "utf8")
except TypeError:
    sys.exit(0)
sys.exit(42 if any("OR 1=1" in str(key) for key in written) else 0)
