"""A mail server and a receiver of signed requests on this machine, each real enough to be spoken to."""

import contextlib
import http.server
import mailbox
import socketserver
import threading


class _Session(socketserver.StreamRequestHandler):
    """One client of a mail server. Source: RFC 5321 §4.1."""

    def handle(self):
        self._say("220 house.test ESMTP")
        while line := self.rfile.readline().decode("ascii", "replace").strip():
            verb = line.split(" ", 1)[0].upper()
            if verb == "DATA":
                self._data()
            elif verb == "QUIT":
                return self._say("221 bye")
            elif self.server.refuses and verb == "RCPT":
                self._say("451 not now, says a server with SECRET-WORDS")
            else:
                self._say("250 fine")
        return None

    def _data(self):
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        self.server.letters.append(b"".join(lines))
        if self.server.maildir is not None:
            mailbox.Maildir(self.server.maildir).add(b"".join(lines))
        self._say("250 taken")

    def _say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


class _Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, dict(self.headers.items()), body))
        self.send_response(self.server.answers)
        self.send_header("Location", "http://else.test/")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def _served(server):
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def mail_server(maildir=None):
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Session)
    server.letters, server.refuses, server.maildir = [], False, maildir
    with _served(server):
        server.address = f"smtp://127.0.0.1:{server.server_address[1]}"
        yield server


@contextlib.contextmanager
def hook_server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
    server.asked, server.answers = [], 204
    with _served(server):
        server.address = f"http://127.0.0.1:{server.server_address[1]}/hook"
        yield server
