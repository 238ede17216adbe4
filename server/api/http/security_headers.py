"""Add the security headers to every response, and the CORS headers for the school's sites.

A pure ASGI middleware around the whole application, made by `app.py`. A header that a response already
has is not changed: pages have policies of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

RawHeaders = list[tuple[bytes, bytes]]

_ALLOWED_METHODS = "GET, POST, PUT, PATCH, DELETE"
_ALLOWED_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-Match"
_EXPOSED_HEADERS = "ETag, Retry-After"
_PREFLIGHT_SECONDS = "600"

_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_NO_STORE = {"Cache-Control": "no-store"}
# Paths that the school's pages load into frames and script elements of their own.
_CROSS_ORIGIN_PATHS = ("/embed/", "/sdk/")


@dataclass(frozen=True, slots=True)
class SecurityPolicy:
    """The headers of this installation. `public_url` and `allowed_origins` are origins, as in `Origin`."""

    public_url: str
    allowed_origins: Sequence[str]

    def complete(self, headers: MutableHeaders, path: str, origin: str | None) -> None:
        """Add each header that is not set yet. `origin` is the value of the request's `Origin`."""
        for name, value in self._defaults(path).items():
            headers.setdefault(name, value)
        if origin is not None and origin in self.allowed_origins:
            headers.setdefault("Access-Control-Allow-Origin", origin)
            headers.setdefault("Access-Control-Expose-Headers", _EXPOSED_HEADERS)
        if self.allowed_origins:
            headers.add_vary_header("Origin")

    def preflight(self, origin: str) -> RawHeaders:
        """Return the headers of the response to a CORS preflight."""
        return MutableHeaders(
            {
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Allow-Methods": _ALLOWED_METHODS,
                "Access-Control-Allow-Headers": _ALLOWED_HEADERS,
                "Access-Control-Max-Age": _PREFLIGHT_SECONDS,
            }
        ).raw

    def _defaults(self, path: str) -> dict[str, str]:
        is_cross_origin = path.startswith(_CROSS_ORIGIN_PATHS)
        found = {
            **_FIXED,
            "Content-Security-Policy": self._content_policy(is_framed=path.startswith("/embed/")),
            "Cross-Origin-Resource-Policy": "cross-origin" if is_cross_origin else "same-origin",
        }
        if path.startswith("/v1/"):
            found |= _NO_STORE
        if self.public_url.startswith("https:"):
            found["Strict-Transport-Security"] = "max-age=31536000"
        return found

    def _content_policy(self, *, is_framed: bool) -> str:
        # Older Safari does not treat ws: to the same host as 'self'.
        connect = f"'self' {self.public_url.replace('http', 'ws', 1)}".rstrip()
        ancestors = " ".join(("'self'", *self.allowed_origins)) if is_framed else "'none'"
        return (
            f"default-src 'self'; connect-src {connect}; base-uri 'none'; object-src 'none'; "
            f"form-action 'self'; frame-ancestors {ancestors}"
        )


class SecurityHeaders:
    """The middleware. It answers preflights of allowed origins; others get no CORS headers."""

    def __init__(self, app: ASGIApp, policy: SecurityPolicy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        origin = _header(scope, b"origin")

        async def send_completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                self._policy.complete(headers, scope["path"], origin)
            await send(message)

        if self._is_known_preflight(scope, origin):
            headers = self._policy.preflight(origin or "")
            await send_completed({"type": "http.response.start", "status": 204, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        await self._app(scope, receive, send_completed)

    def _is_known_preflight(self, scope: Scope, origin: str | None) -> bool:
        return (
            scope["method"] == "OPTIONS"
            and origin in self._policy.allowed_origins
            and _header(scope, b"access-control-request-method") is not None
        )


def _header(scope: Scope, name: bytes) -> str | None:
    for found, value in scope["headers"]:
        if found == name:
            text: str = value.decode("latin-1")
            return text
    return None
