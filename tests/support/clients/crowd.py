"""A crowd of students who all tap at once: light clients over sockets and over HTTP.

Used by tests/races. `all_at_once` is the harness: everything it is given starts in the same turn of
the loop. Claimers know the public protocol only, as any client would.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

import httpx
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

T = TypeVar("T")
Frame = dict[str, Any]

DEADLINE_S = 20.0  # of one answer; generous, because these tests fill both cores
_JOINS_AT_ONCE = 100
_HTTP_CONNECTIONS = 48
_NO_ANSWERS = ("retry", "rate_limited")  # the same request id is to be sent again
_NO_TLS = ssl.create_default_context()  # made once: each takes 20 ms, and nobody uses it


async def all_at_once(
    jobs: Iterable[Callable[[], Awaitable[T]]], deadline_s: float = DEADLINE_S
) -> list[T]:
    """Start all jobs in one turn of the loop; return their results in order. The first failure ends all."""
    start = asyncio.Event()

    async def run(job: Callable[[], Awaitable[T]]) -> T:
        await start.wait()
        return await job()

    async with asyncio.timeout(deadline_s), asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(run(job)) for job in jobs]
        # Behind the first step of each of them: all are waiting when it is set.
        asyncio.get_running_loop().call_soon(start.set)
    return [task.result() for task in running]


class Claimer(Protocol):
    @property
    def student(self) -> str: ...
    async def claim(self, drop_id: str, request_id: str) -> Frame: ...


@dataclass(slots=True)
class SocketClaimer:
    """Joined. Frames that nobody has asked for are kept in `heard`, in their order. `port`: where its
    connection left this machine."""

    student: str
    socket: ClientConnection
    welcome: Frame
    heard: list[Frame] = field(default_factory=list)

    @property
    def port(self) -> int:
        port: int = self.socket.local_address[1]
        return port

    async def claim(self, drop_id: str, request_id: str) -> Frame:
        """Its answer, asked for again for as long as the server puts it off."""
        return (await self.hammer(drop_id, [request_id]))[0]

    async def hammer(self, drop_id: str, request_ids: Sequence[str]) -> list[Frame]:
        """All of them without waiting for an answer between; then the answer to each."""
        for request_id in request_ids:
            await self._tap(drop_id, request_id)
        return [await self._answer(drop_id, request_id) for request_id in request_ids]

    async def _answer(self, drop_id: str, request_id: str) -> Frame:
        while True:
            answer = await self.until("claim_result", request_id=request_id, drop_id=drop_id)
            if answer["outcome"] not in _NO_ANSWERS:
                return answer
            await _as_told(answer["retry_after_ms"])
            await self._tap(drop_id, request_id)

    async def until(self, kind: str, **fields: object) -> Frame:
        """The next frame of that type with these fields; one that was heard before counts."""
        wanted = {"type": kind, **fields}.items()
        for earlier in self.heard:
            if wanted <= _plain(earlier).items():
                self.heard.remove(earlier)
                return earlier
        async with asyncio.timeout(DEADLINE_S):
            while True:
                frame: Frame = orjson.loads(await self.socket.recv())
                if wanted <= _plain(frame).items():
                    return frame
                await self._keep(frame)

    async def _keep(self, frame: Frame) -> None:
        if frame["type"] == "ping":
            await self._send(type="pong")
        else:
            self.heard.append(frame)

    async def _tap(self, drop_id: str, request_id: str) -> None:
        await self._send(type="claim", drop_id=drop_id, request_id=request_id)

    async def _send(self, **frame: object) -> None:
        await self.socket.send(orjson.dumps(frame).decode())


@dataclass(slots=True)
class HttpClaimer:
    """Shares a few connections with all others who come by HTTP."""

    student: str
    token: str
    http: httpx.AsyncClient
    port: int | None = None  # of its last tap

    async def claim(self, drop_id: str, request_id: str) -> Frame:
        """Its answer, asked for again for as long as the server puts it off."""
        while True:
            response = await self.http.post(
                f"/v1/drops/{drop_id}/claims",
                json={"request_id": request_id},
                headers=bearer(self.token),
            )
            assert response.status_code == 200, response.text
            self.port = port_of(response)
            answer: Frame = orjson.loads(response.content)
            if answer["outcome"] not in _NO_ANSWERS:
                return answer
            await _as_told(answer["retry_after_ms"])


@dataclass(slots=True)
class Crowd:
    """Everybody who taps. Leaves with the context that made it."""

    sockets: list[SocketClaimer]
    over_http: list[HttpClaimer]

    @property
    def claimers(self) -> list[Claimer]:
        return [*self.sockets, *self.over_http]

    async def hear(self, kind: str, **fields: object) -> None:
        """Wait until each socket has received this frame."""
        await all_at_once([partial(one.until, kind, **fields) for one in self.sockets])

    async def tap(
        self, drop_id: str, request_id: str, deadline_s: float = DEADLINE_S
    ) -> list[tuple[Claimer, Frame]]:
        """Everybody at once; who was told what. Sockets are ten times as quick, so they start with
        the first answer over HTTP, while others are on their way: units go both ways then."""
        has_begun = asyncio.Event()

        async def over_http(one: HttpClaimer) -> Frame:
            answer = await one.claim(drop_id, request_id)
            has_begun.set()
            return answer

        async def over_socket(one: SocketClaimer) -> Frame:
            await has_begun.wait()
            return await one.claim(drop_id, request_id)

        if not self.over_http:
            has_begun.set()
        jobs = [
            *(partial(over_socket, one) for one in self.sockets),
            *(partial(over_http, one) for one in self.over_http),
        ]
        return list(zip(self.claimers, await all_at_once(jobs, deadline_s), strict=True))


def winners(answers: Iterable[tuple[Claimer, Frame]]) -> list[Claimer]:
    return [one for one, answer in answers if answer["outcome"] == "won"]


@asynccontextmanager
async def a_crowd(
    urls: Sequence[str], room: str, sockets: Mapping[str, str], over_http: Mapping[str, str]
) -> AsyncIterator[Crowd]:
    """Students by name with their tokens, spread over the addresses in turn; sockets have joined."""
    async with AsyncExitStack() as stack:
        turns = asyncio.Semaphore(_JOINS_AT_ONCE)

        async def joined(url: str, student: str, token: str) -> SocketClaimer:
            async with turns:
                return await join(stack, url, room, student, token)

        members = await all_at_once(
            [
                partial(joined, urls[n % len(urls)], *student)
                for n, student in enumerate(sockets.items())
            ],
            2 * DEADLINE_S,
        )
        shared = [await stack.enter_async_context(http_client(url)) for url in urls]
        yield Crowd(
            members,
            [
                HttpClaimer(name, token, shared[n % len(urls)])
                for n, (name, token) in enumerate(over_http.items())
            ],
        )


async def join(
    stack: AsyncExitStack, url: str, room: str, student: str, token: str
) -> SocketClaimer:
    """A socket that has said hello and been welcomed; closed with the stack."""
    socket = await stack.enter_async_context(
        connect(
            f"{url.replace('http', 'ws', 1)}/v1/rooms/{room}",
            subprotocols=[Subprotocol("classdrop.v1")],
            compression=None,
            ping_interval=None,
            open_timeout=DEADLINE_S,
            close_timeout=1,
            max_queue=None,  # who waits for others is not to be taken for a slow client
            proxy=None,
        )
    )
    one = SocketClaimer(student, socket, {})
    await socket.send(orjson.dumps({"type": "hello", "token": token}).decode())
    one.welcome = await one.until("welcome")
    return one


class ConnectionsInTurn(httpx.AsyncBaseTransport):
    """Several connections, each a pool of its own; requests wait here for one of them. httpx's own pool looks
    at all connections and at all who wait, with each request: 400 at once took 28 s of CPU."""

    def __init__(self, connections: int) -> None:
        one = httpx.Limits(max_connections=1, keepalive_expiry=2)
        self._all = [
            httpx.AsyncHTTPTransport(verify=_NO_TLS, trust_env=False, limits=one)
            for _ in range(connections)
        ]
        # The one that was used last comes first, so that a few requests open few connections.
        self._idle: asyncio.LifoQueue[httpx.AsyncHTTPTransport] = asyncio.LifoQueue()
        for connection in self._all:
            self._idle.put_nowait(connection)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        connection = await self._idle.get()
        try:
            response = await connection.handle_async_request(request)
            assert isinstance(response.stream, httpx.AsyncByteStream)
            body = b"".join([part async for part in response.stream])
            await response.aclose()
        finally:
            self._idle.put_nowait(connection)
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=httpx.ByteStream(body),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        for connection in self._all:
            await connection.aclose()


def http_client(
    url: str, token: str | None = None, connections: int = _HTTP_CONNECTIONS
) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=ConnectionsInTurn(connections),
        base_url=url,
        headers=bearer(token) if token else {},
        timeout=DEADLINE_S,
        trust_env=False,
    )


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def port_of(response: httpx.Response) -> int:
    """Return the local port of the connection on which this response came."""
    address = response.extensions["network_stream"].get_extra_info("client_addr")
    port: int = address[1]
    return port


async def _as_told(retry_after_ms: int) -> None:
    """The server has said when to ask again."""
    due = asyncio.Event()
    asyncio.get_running_loop().call_later(retry_after_ms / 1000, due.set)
    await due.wait()


def _plain(frame: Frame) -> Frame:
    """Return the frame without the fields that cannot be hashed."""
    return {name: value for name, value in frame.items() if not isinstance(value, dict | list)}
