import http.server
import threading
from pathlib import Path

import urllib3


class Quiet(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()


class Other(Quiet):
    def do_GET(self):
        if self.headers.get("Cookie"):
            Path("/tmp/other-origin-got-cookie").touch()
        self.answer(200)


class First(Quiet):
    def do_GET(self):
        self.answer(302, Location=f"http://127.0.0.1:{other.server_port}/")


def serve(handler):
    server = http.server.HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


other, first = serve(Other), serve(First)
pool = urllib3.PoolManager()
pool.request("GET", f"http://127.0.0.1:{first.server_port}/", headers={"Cookie": "session=1"})
