"""A gateway on a real Redis and a loopback port, and a plain client that speaks raw frames to it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from server.clock import now_ms
from server.commands.process.listening import SEND_BUFFER_BYTES
from server.core.access.in_force import AccessRules
from server.desk.feed.cluster_subscription import subscription_of
from server.desk.redis.connection import connect as connect_redis
from server.desk.redis.nodes import Nodes
from server.flows.access.follow_rules import RulesFollower
from server.gateway.cadence import Cadence
from server.gateway.factory import running_gateway
from server.gateway.gateway import Gateway
from server.gateway.parts import GatewayParts
from server.gateway.rooms.feed.feed_follower import FeedFollower
from server.gateway.rooms.joins.room_loader import RoomLoader
from server.observability.health import Health
from server.observability.metrics import Metrics
from server.tokens import TokenKeys
from tests.support.builders.desks import Desk

SECRET = "k" * 32
KEYS = TokenKeys((SECRET,))
Frame = dict[str, Any]
DEADLINE_S = 5.0


def a_token(
    subject: str = "ada",
    *,
    role: str = "student",
    room: str = "r1",
    seconds: int = 600,
    tags: tuple[str, ...] = (),
    **claims: Any,
) -> str:
    """Return a token. `claims` are more of its claims, `jti` or `iat` for example."""
    expires = now_ms() // 1000 + seconds
    usual = {"sub": subject, "role": role, "rooms": [room], "tags": list(tags), "exp": expires}
    return KEYS.sign(usual | claims)


class Client:
    """A client that reads frame by frame, as a browser does."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, **frame: object) -> None:
        await self.socket.send(orjson.dumps(frame).decode())

    async def next(self, kind: str | None = None) -> Frame:
        """The next frame, or the next one of that type."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                frame: Frame = orjson.loads(await self.socket.recv())
                if kind is None or frame["type"] == kind:
                    return frame

    async def claim(self, drop_id: str = "drp_1", request_id: str = "r1") -> Frame:
        await self.send(type="claim", drop_id=drop_id, request_id=request_id)
        return await self.next("claim_result")

    async def closed(self) -> tuple[int, list[Frame]]:
        """The close code, and the frames that came before it."""
        code, _, frames = await self.closed_with_reason()
        return code, frames

    async def closed_with_reason(self) -> tuple[int, str, list[Frame]]:
        """The close code and its reason, and the frames that came before it."""
        frames: list[Frame] = []
        async with asyncio.timeout(DEADLINE_S):
            try:
                while True:
                    frames.append(orjson.loads(await self.socket.recv()))
            except ConnectionClosed as closed:
                received = closed.rcvd
                return (received.code, received.reason, frames) if received else (1006, "", frames)


@dataclass(frozen=True, slots=True)
class RunningGateway:
    gateway: Gateway
    parts: GatewayParts
    desk: Desk
    port: int

    @property
    def follower(self) -> FeedFollower:
        return self.gateway.taps._follower

    @property
    def loader(self) -> RoomLoader:
        return self.gateway._joins._loader

    @asynccontextmanager
    async def socket(self, room: str = "r1", origin: str | None = None) -> AsyncIterator[Client]:
        """Connected, nothing said yet."""
        async with connect(
            f"ws://127.0.0.1:{self.port}/v1/rooms/{room}",
            subprotocols=[Subprotocol("classdrop.v1")],
            origin=Origin(origin) if origin else None,
            compression=None,
            ping_interval=None,
            close_timeout=1,
            proxy=None,
        ) as opened:
            yield Client(opened)

    @asynccontextmanager
    async def student(
        self, name: str = "ada", /, **token: Any
    ) -> AsyncIterator[tuple[Client, Frame]]:
        """Has said hello; with the welcome."""
        async with self.socket() as client:
            await client.send(type="hello", token=a_token(name, **token))
            yield client, await client.next("welcome")


@asynccontextmanager
async def serve_gateway(
    desk: Desk,
    listener: Nodes,
    gateway_id: str = "gwy_1",
    cadence: Cadence | None = None,
    follower: RulesFollower | None = None,
    prepared: frozenset[str] = frozenset(),
) -> AsyncIterator[RunningGateway]:
    """`listener` is a client for the gateway's subscription alone. `follower` None: there are no rules.
    `prepared`: drops that nobody has opened yet."""

    async def waits_to_open(_room: str, drop_id: str) -> bool:
        return drop_id in prepared

    access = AccessRules() if follower is None else follower.rules
    parts = GatewayParts(
        gateway_id=gateway_id,
        keys=TokenKeys((SECRET,), access=access),
        access=access,
        look_at_access=(lambda: None) if follower is None else follower.look_soon,
        waits_to_open=waits_to_open,
        claim_desk=desk.claims,
        drop_desk=desk.drops,
        feed=desk.feed,
        subscription=subscription_of(listener, desk.prefix, gateway_id),
        metrics=Metrics(),
        health=Health(),
        allowed_origins=frozenset({"https://school.example"}),
        cadence=cadence or Cadence(),
    )
    async with running_gateway(parts) as gateway:
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        server = await asyncio.get_running_loop().create_server(
            gateway.protocol, sock=listening, backlog=256
        )
        port = server.sockets[0].getsockname()[1]
        try:
            yield RunningGateway(gateway, parts, desk, port)
        finally:
            server.close()
            for connection in list(gateway.connections):
                if connection.transport is not None:
                    connection.transport.abort()


@pytest.fixture
def cadence() -> Cadence:
    """The intervals of a test's gateways; a test module may override this fixture."""
    return Cadence()


@pytest_asyncio.fixture
async def gateway(desk: Desk, redis_server: Any, cadence: Cadence) -> AsyncIterator[RunningGateway]:
    listener = connect_redis(redis_server.url)
    async with serve_gateway(desk, listener, cadence=cadence) as running:
        yield running
    await listener.aclose()


@pytest_asyncio.fixture
async def second_gateway(
    desk: Desk, redis_server: Any, cadence: Cadence
) -> AsyncIterator[RunningGateway]:
    listener = connect_redis(redis_server.url)
    async with serve_gateway(desk, listener, "gwy_2", cadence) as running:
        yield running
    await listener.aclose()
