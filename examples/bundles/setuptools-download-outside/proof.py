import contextlib
import http.server
import threading
from pathlib import Path

from setuptools.package_index import PackageIndex


class Files(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.end_headers()
        self.wfile.write(b"harmless")


server = http.server.HTTPServer(("127.0.0.1", 0), Files)
threading.Thread(target=server.serve_forever, daemon=True).start()
Path("/tmp/downloads").mkdir()
url = f"http://127.0.0.1:{server.server_port}/%2Ftmp%2Fwritten-outside"
with contextlib.suppress(ValueError):
    PackageIndex(search_path=[])._download_url(url, "/tmp/downloads")
server.shutdown()
