import http.server
import threading
from pathlib import Path

import urllib3


class Hops(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(303)
        self.send_header("Location", "/next")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        if int(self.headers.get("Content-Length") or 0):
            Path("/tmp/body-sent-again").touch()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()


server = http.server.HTTPServer(("127.0.0.1", 0), Hops)
threading.Thread(target=server.serve_forever, daemon=True).start()
urllib3.PoolManager().request("POST", f"http://127.0.0.1:{server.server_port}/", body=b"pin=1234")
