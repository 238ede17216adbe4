"""The HTTP of the SDK: sending a call with a token, reading its reply, and `ApiError`.

`api` builds its calls on it. Must not know a call. Twin of `javascript/transport.js`.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self, TypeVar, cast
from urllib.parse import quote

import httpx

from client_sdk.python.frames import http_url

GetToken = Callable[[], Awaitable[str] | str]

_RETRYABLE: Final = frozenset({"unavailable", "rate_limited", "in_progress", "unreachable"})
_DEADLINE_S: Final = 10.0
_NO_HEADERS: Final[Mapping[str, str]] = {}
_T = TypeVar("_T")


class ApiError(Exception):
    """A call failed: the server refused it, or no reply came.

    `code` is one of PROTOCOL.md, or `unreachable` (with status 0) where no reply came. `facts` are the other
    fields of the reply: `available`, `coupons`, `errors`, `reason`, …. `retryable`: the same call may succeed
    later; `retry_after_ms` is the wait that the server asked for.
    """

    def __init__(
        self,
        code: str,
        status: int,
        facts: Mapping[str, object] | None = None,
        retry_after_ms: int | None = None,
    ) -> None:
        self.code = code
        self.status = status
        self.facts = facts or {}
        self.retryable = code in _RETRYABLE or status >= 500
        self.retry_after_ms = retry_after_ms
        super().__init__(str(self.facts.get("detail") or code))


class HttpCalls:
    """The sender of one person's calls. It keeps the token until the server calls it expired."""

    def __init__(
        self,
        url: str,
        get_token: GetToken = lambda: "",
        *,
        http: httpx.AsyncClient | None = None,
        deadline_s: float = _DEADLINE_S,
    ) -> None:
        self._url = http_url(url)
        self._get_token = get_token
        self._http = http or httpx.AsyncClient(timeout=deadline_s)
        self._token: str | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the HTTP connections, also those of an `http` that was handed in."""
        await self._http.aclose()

    async def fresh_token(self) -> str:
        """Return a new token of `get_token`, and keep it for the calls that follow."""
        try:
            given = self._get_token()
            self._token = await given if inspect.isawaitable(given) else given
        except Exception:
            self._token = (
                None  # the next call asks again, and does not send a token that was refused
            )
            raise
        return self._token

    async def _call(  # noqa: PLR0913 - keywords, each named by the caller
        self,
        shape: type[_T],
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
        file: bytes | None = None,
    ) -> _T:
        """Send a call and return its reply as `shape`; `file` is a body that is not JSON.

        The reply is not checked against `shape`, so that an older SDK can read the replies of a later server.
        """
        sent = {"Accept": "application/json", **headers}
        request = self._http.build_request(
            method,
            self._url + path,
            json=body,
            content=file,
            params=query,
            headers=sent,
            timeout=_timeout(self._http.timeout, query or {}),
        )
        used = self._token if self._token is not None else await self.fresh_token()
        try:
            return cast(_T, await self._send(request, used, shape))
        except ApiError as error:
            if not _asks_for_another_token(error):
                raise
        # Another call may have fetched a new token meanwhile.
        fresh = self._token if self._token not in (None, used) else await self.fresh_token()
        return cast(_T, await self._send(request, fresh or "", shape))

    async def _send(self, request: httpx.Request, token: str, shape: type[object]) -> object:
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        try:
            response = await self._http.send(request)
        except httpx.HTTPError as error:
            raise ApiError("unreachable", 0, {"detail": str(error)}) from error
        is_file = shape is bytes and response.is_success
        return response.content if is_file else _read_reply(response)


def _asks_for_another_token(error: ApiError) -> bool:
    """Return whether the token was good once: it has expired, or was revoked."""
    is_revoked = error.code == "token_invalid" and error.facts.get("reason") == "revoked"
    return is_revoked or error.code == "token_expired"


def _timeout(usual: httpx.Timeout, query: Mapping[str, str]) -> httpx.Timeout:
    """Return the deadline of a call; the server may wait on purpose for as long as `wait_seconds` says."""
    waits = float(query.get("wait_seconds", 0))
    if usual.read is None or not waits:
        return usual
    return httpx.Timeout(
        connect=usual.connect, read=usual.read + waits, write=usual.write, pool=usual.pool
    )


def _read_reply(response: httpx.Response) -> object:
    reply = _json(response)
    if response.is_success:
        return reply
    facts = dict(reply) if isinstance(reply, dict) else {"detail": response.text[:200]}
    code = facts.pop("code", None)
    wait = response.headers.get("Retry-After", "")
    raise ApiError(
        code if isinstance(code, str) else _code_for(response.status_code),
        response.status_code,
        facts,
        int(wait) * 1000 if wait.isdecimal() else None,
    )


def _json(response: httpx.Response) -> Any:
    kind = response.headers.get("Content-Type", "")
    if response.is_success and re.search("zip|spreadsheet", kind):
        return response.content
    if "json" not in kind:
        return response.text
    try:
        return response.json()
    except ValueError:  # the error page of a proxy may be labelled as JSON
        return response.text


def _code_for(status: int) -> str:
    """Return the code for a reply without one: a proxy sent it, not the server."""
    return {429: "rate_limited", 413: "too_large"}.get(
        status, "unavailable" if status >= 500 else "unknown"
    )


def once_header(key: str | None) -> dict[str, str]:
    """Return the header that makes a creating call repeatable, where there is a key."""
    return {} if key is None else {"Idempotency-Key": key}


def escaped(name: str) -> str:
    """Return the name as a part of a path."""
    return quote(name, safe="")
