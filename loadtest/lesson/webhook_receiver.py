"""The receiver of the lesson's webhook: checks each call, and notes the coupons whose events it got.

Started by the Locust user `SchoolBackend`, in its process, on loopback. The same call may come twice.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from gevent.pywsgi import WSGIServer

from client_sdk.python.webhooks import WebhookError, events_of, verify_webhook
from loadtest.lesson.school_log import CONFIRMED, SchoolLog

_MOST_BYTES: Final = 4 * 1024 * 1024  # of a call: 500 events have 300 KB
_Start = Callable[[str, list[tuple[str, str]]], object]


class WebhookReceiver:
    """`secret` is known as soon as the webhook is made; calls before that are refused, and come again."""

    def __init__(self, log: SchoolLog) -> None:
        self._log = log
        self._server = WSGIServer(("127.0.0.1", 0), self._serve, log=None, error_log=None)
        self.secret: str | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/events"

    def start(self) -> None:
        self._server.start()

    def close(self) -> None:
        self._server.stop(timeout=1)

    def _serve(self, environ: dict[str, Any], start: _Start) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(_MOST_BYTES)
        headers = {
            name.removeprefix("HTTP_").replace("_", "-"): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        try:
            if self.secret is None:
                raise WebhookError("the webhook is not made yet")
            call = verify_webhook(self.secret, headers, body)
        except WebhookError as error:
            start("400 Bad Request", [("Content-Type", "text/plain")])
            return [str(error).encode()]
        for event in events_of(call):
            if event["type"] == CONFIRMED:
                self._log.delivered.add(event["subject"])
        start("204 No Content", [])
        return []
