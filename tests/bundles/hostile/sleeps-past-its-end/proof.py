from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser

parser = HTTPRequestParser(Adjustments())
parser.received(b"GET / HTTP/1.1\r\nHost: here\r\nContent-Length: +3\r\n\r\n")

import subprocess
import sys

for _ in range(5):
    subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import time; time.sleep(60); print('VULN')",
            "marked-sleeps-past-its-end",
        ],
        start_new_session=True,
    )
print("SAFE")
