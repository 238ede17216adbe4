"""Another web site: a lesson with our card in a frame, which records the messages that it gets."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, urlsplit

_PAGE = """<!doctype html><title>Lesson</title><link rel=icon href="data:,">
<script>window.heard = []; addEventListener("message", (event) => heard.push(event.data));</script>
<iframe src="{frame}" width="360" height="520"></iframe>"""


# Path -> responses, served one after the other; the last one stays.
served: dict[str, list[str]] = {}


class _Lesson(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        bodies = served.get(urlsplit(self.path).path)
        if bodies:
            text = bodies.pop(0) if len(bodies) > 1 else bodies[0]
        else:
            text = _PAGE.format(frame=parse_qs(urlsplit(self.path).query)["frame"][0])
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Take a webhook."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def lesson(site: str, frame: str) -> str:
    """Return the address of a lesson on `site` that frames `frame`."""
    return f"{site}/lesson?frame={quote(frame, safe='')}"


@contextmanager
def running() -> Iterator[int]:
    """Serve, and yield the port: localhost and 127.0.0.1 are two sites to a browser."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Lesson) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()
