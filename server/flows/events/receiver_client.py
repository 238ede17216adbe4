"""Call a receiver of webhooks: one POST to an address that was looked up and checked.

Used by deliver_webhook.py and by the API's test call. The name is looked up here, its addresses are checked,
and the connection goes to a checked one: a name that leads elsewhere a moment later (DNS rebinding) leads
nowhere. Redirects are not followed and proxies of the environment are not used, for both would choose another
address. Knows nothing of events.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from server.clock import now_ms
from server.core.events.webhooks import is_public, url_fault

if TYPE_CHECKING:
    import httpx

CALL_SECONDS: Final = 20.0  # Standard Webhooks: 15 to 30
_CONNECT_SECONDS: Final = 5.0
_LOOKUP_SECONDS: Final = 5.0
_KNOWN_SECONDS: Final = 30.0  # an address that was checked is called without another look-up
_ANSWER_BYTES: Final = 300  # that are kept
_LONGEST_ANSWER: Final = 65_536  # more is not read: the connection is closed instead

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a call. `error` None: delivered. `status` None: no answer came. `body`: its first
    characters. `wish_ms`: the wait that the receiver asked for."""

    status: int | None
    error: str | None
    body: str | None = None
    wish_ms: int | None = None
    duration_ms: int = 0


async def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of a host, by the system's resolver. OSError: it has none."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class ReceiverClient:
    """A client for one receiver; close it. Its first call may take a moment longer, in a thread."""

    def __init__(self, *, allows_private: bool, lookup: Lookup = look_up) -> None:
        self._allows_private = allows_private
        self._lookup = lookup
        self._http: httpx.AsyncClient | None = None
        self._known: tuple[str, int, str, float] | None = None  # host, port, address, until

    async def aclose(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, seconds: float = CALL_SECONDS
    ) -> Answer:
        """Send the body; never raises for what a receiver or a network does."""
        began = monotonic()
        fault = url_fault(url, allows_private=self._allows_private)
        if fault is not None:
            return Answer(None, fault)
        # In a thread: import and certificates take 0.1 s, and claims are confirmed on this loop.
        httpx, context = await asyncio.to_thread(_loaded)
        if self._http is None:
            self._http = _make_http(context)
        try:
            async with asyncio.timeout(seconds):
                answer = await self._post(self._http, httpx.URL(url), headers, body)
        except TimeoutError:
            answer = Answer(None, "timeout")
        except _PrivateAddressError:
            answer = Answer(None, "private_address")
        except (OSError, ValueError, httpx.InvalidURL):
            answer = Answer(None, "host_unknown")
        except httpx.HTTPError as error:
            self._known = None
            answer = Answer(None, _name_of(error))
        took = int((monotonic() - began) * 1000)
        return Answer(answer.status, answer.error, answer.body, answer.wish_ms, took)

    async def _post(
        self, http: "httpx.AsyncClient", url: "httpx.URL", headers: Mapping[str, str], body: bytes
    ) -> Answer:
        host, port = url.host, url.port or (443 if url.scheme == "https" else 80)
        address = await self._checked_address(host, port)
        request = http.build_request(
            "POST",
            url.copy_with(host=address),
            headers={**headers, "Host": url.netloc.decode("ascii")},
            content=body,
            # The certificate has to be that of the name, though the connection goes to an address.
            extensions={"sni_hostname": host} if url.scheme == "https" else {},
        )
        response = await http.send(request, stream=True)
        try:
            text = await _beginning(response)
        finally:
            await response.aclose()
        status = response.status_code
        error = None if 200 <= status < 300 else f"status_{status}"
        return Answer(status, error, text, _wish_ms(response.headers.get("Retry-After")))

    async def _checked_address(self, host: str, port: int) -> str:
        if self._known is not None and self._known[:2] == (host, port):
            *_, address, until = self._known
            if monotonic() < until:
                return address
        async with asyncio.timeout(_LOOKUP_SECONDS):
            addresses = await self._lookup(host, port)
        if not addresses:
            raise OSError(f"no address of {host}")
        # One private address among public ones is refused too: a name of the open internet has none.
        if not self._allows_private and not all(is_public(each) for each in addresses):
            raise _PrivateAddressError
        self._known = (host, port, addresses[0], monotonic() + _KNOWN_SECONDS)
        return addresses[0]


@cache
def _loaded() -> tuple[Any, ssl.SSLContext]:
    """Return httpx and the certificates that are trusted; all clients of a process share them. A process
    without webhooks does without."""
    import httpx  # noqa: PLC0415

    return httpx, httpx.create_ssl_context(trust_env=False)


def _make_http(context: ssl.SSLContext) -> "httpx.AsyncClient":
    import httpx  # noqa: PLC0415

    return httpx.AsyncClient(
        verify=context,
        timeout=httpx.Timeout(CALL_SECONDS, connect=_CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=4, max_keepalive_connections=1),
        follow_redirects=False,
        trust_env=False,
    )


class _PrivateAddressError(Exception):
    """A host leads to an address that is not of the open internet."""


async def _beginning(response: "httpx.Response") -> str:
    """Return the first bytes of the body as text. A short body is read to its end, so that its connection
    can be used again."""
    read = bytearray()
    async for piece in response.aiter_raw():
        read += piece
        if len(read) > _LONGEST_ANSWER:
            break
    return bytes(read[:_ANSWER_BYTES]).decode("utf-8", "replace").replace("\0", "")


def _wish_ms(retry_after: str | None) -> int | None:
    """Return a Retry-After in ms: seconds, or a date."""
    if not retry_after:
        return None
    if retry_after.isdecimal():
        return int(retry_after[:9]) * 1000
    with suppress(ValueError, TypeError, OverflowError):
        return max(0, int(parsedate_to_datetime(retry_after).timestamp() * 1000) - now_ms())
    return None


def _name_of(error: Exception) -> str:
    """Return a stable word for a failure of the network; httpx's texts may have an address in them."""
    names = {"ConnectError": "not_reachable", "ConnectTimeout": "timeout", "ReadTimeout": "timeout"}
    return names.get(type(error).__name__, "connection_lost")
