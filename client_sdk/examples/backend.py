"""A school's back end in one file: tokens for its pages, a checkout, and a receiver of webhooks.

Run: `CLASSDROP_SECRET=… python -m client_sdk.examples.backend http://localhost:8000 [PORT]`, and start
Classdrop with `CLASSDROP_ALLOWED_ORIGINS=http://127.0.0.1:9000`, so that the pages may open its sockets.
Then look at `http://127.0.0.1:9000/element` (the element on a page) and `/frame` (the frame). A real back end
knows from its own session who somebody is; here the address says it (`?student=ann`). The shared secret and
the service token never reach a browser.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from client_sdk.examples.mirror import Mirror
from client_sdk.python import Api, ApiError, Bearer, make_token
from client_sdk.python.webhooks import WebhookError, events_of, verify_webhook

ROOM = "algebra"
COURSE = {"id": "1", "course": "algebra-2", "unit_price": 19_900, "quantity": 1}
ORDER: Any = {"currency": "CNY", "lines": [COURSE]}
_PAGES = {"/element": "element.html", "/frame": "frame.html"}


class Backend:
    """The school's side of Classdrop. `webhook_secret`: as the reply to POST /v1/webhooks had it."""

    def __init__(self, classdrop: str, secret: str, webhook_secret: str = "") -> None:
        self.classdrop = classdrop.rstrip("/")
        self.mirror = Mirror()
        self._secret = secret
        self.webhook_secret = webhook_secret

    def token(self, student: str) -> str:
        """Return a token with which the student's browser enters the room, for four hours."""
        return make_token(self._secret, Bearer(student, "student", [ROOM]))

    async def quote(self, student: str) -> Any:
        """Return what the course costs the student with the best of their coupons."""
        async with self._api() as api:
            return await api.quote({"student": student, "order": ORDER, "coupons": "best"})

    async def pay(self, student: str, order_id: str) -> Any:
        """Lock the best coupons, take the money, confirm. Repeatable with the same order id."""
        async with self._api() as api:
            quote = await api.quote({"student": student, "order": ORDER, "coupons": "best"})
            locked = await api.lock_redemption(
                {
                    "order_id": order_id,
                    "student": student,
                    "order": ORDER,
                    "coupons": quote["best"]["codes"],
                    "expected_payable": quote["payable"],
                }
            )
            # Here the payment provider takes locked["payable"]. Where it fails: cancel_redemption.
            paid: Any = {"payment_ref": f"pay-{order_id}", "paid": locked["payable"]}
            return await api.confirm_redemption(locked["id"], paid)

    def receive(self, headers: Mapping[str, str], body: bytes) -> None:
        """Take a webhook's events into the mirror. Raise WebhookError where it is not Classdrop's."""
        for event in events_of(verify_webhook(self.webhook_secret, headers, body)):
            self.mirror.apply(event)

    def _api(self) -> Api:
        return Api(self.classdrop, lambda: make_token(self._secret, Bearer("shop", "service")))


class _Handler(BaseHTTPRequestHandler):
    """The routes. `server.backend` is set by `serve`."""

    backend: Backend

    def do_GET(self) -> None:
        """Show a page, or hand out a token."""
        url = urlsplit(self.path)
        student = parse_qs(url.query).get("student", ["ann"])[0]
        if url.path in _PAGES:
            page = (Path(__file__).parent / _PAGES[url.path]).read_text()
            self._send(200, page.replace("CLASSDROP_URL", self.backend.classdrop), "text/html")
        elif url.path == "/my-classdrop-token":
            self._send(200, self.backend.token(student), "text/plain")
        elif url.path == "/my-price":
            self._answer(lambda: self.backend.quote(student))
        else:
            self._send(404, "not found", "text/plain")

    def do_POST(self) -> None:
        """Pay an order, or take in a webhook."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/pay":
            form = json.loads(body)
            self._answer(lambda: self.backend.pay(form["student"], form["order_id"]))
        elif self.path == "/webhooks":
            self._webhook(body)
        else:
            self._send(404, "not found", "text/plain")

    def _webhook(self, body: bytes) -> None:
        try:
            self.backend.receive(dict(self.headers), body)
        except WebhookError as error:
            self._send(400, str(error), "text/plain")
        else:
            self._send(204, "", "text/plain")

    def _answer(self, ask: Callable[[], Awaitable[Any]]) -> None:
        async def asked() -> Any:
            return await ask()

        try:
            self._send(200, json.dumps(asyncio.run(asked())), "application/json")
        except ApiError as error:
            self._send(error.status or 502, json.dumps({"code": error.code}), "application/json")

    def _send(self, status: int, text: str, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: an address may name a student."""


def serve(backend: Backend, port: int) -> ThreadingHTTPServer:
    """Return the server, bound to the port (0: a free one); `serve_forever` runs it."""
    handler = type("Handler", (_Handler,), {"backend": backend})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


if __name__ == "__main__":
    secrets = os.environ["CLASSDROP_SECRET"], os.environ.get("WEBHOOK_SECRET", "")
    serve(Backend(sys.argv[1], *secrets), int([*sys.argv, "9000"][2])).serve_forever()
