"""Two web processes in one test: each with its own access rules, gateway and API, on one ledger and Redis.

`webs` runs the test on both databases. A process reaches Redis' messages through `network`, which a test may
cut.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio

from server.core.access.in_force import AccessRules
from server.desk.feed.subscription import ServerSubscription
from server.desk.redis.connection import connect
from server.flows.access.follow_rules import LOOK_SECONDS, RulesFollower
from server.tokens import TokenKeys
from tests.support.builders.api import Api, Clock, api_parts
from tests.support.builders.classroom import Classroom, now_ms
from tests.support.gateways import SECRET, Client, Frame, RunningGateway, a_token, serve_gateway
from tests.support.servers.redis_server import RedisServer
from tests.support.servers.tcp_proxy import TcpProxy

ROOM = "101"


@dataclass(frozen=True, slots=True)
class WebProcess:
    rules: AccessRules
    gateway: RunningGateway
    api: Api
    network: TcpProxy  # between it and Redis' messages

    async def as_(self, token: str) -> httpx.AsyncClient:
        return await self.api.client(token)

    async def operator(self) -> httpx.AsyncClient:
        return await self.as_(a_token("olga", role="operator", iat=now_ms() // 1_000, jti="olga"))

    @asynccontextmanager
    async def student(self, name: str, **claims: Any) -> AsyncIterator[tuple[Client, Frame]]:
        """Yield a socket that has said hello, with its welcome. `claims` are more of its token."""
        async with self.gateway.socket(ROOM) as client:
            await client.send(type="hello", token=a_token(name, room=ROOM, **claims))
            yield client, await client.next("welcome")

    @property
    def hears(self) -> bool:
        """Return whether it takes its connection to Redis' messages for alive."""
        subscription = self.gateway.parts.subscription
        assert isinstance(subscription, ServerSubscription)
        return subscription._pubsub is not None


class SchoolClock(Clock):
    """The present: blocks and tokens go by it, as the gateway does."""

    def __call__(self) -> int:
        return now_ms()


@asynccontextmanager
async def web_process(
    classroom: Classroom, redis_server: RedisServer, folder: Path, look_s: float = LOOK_SECONDS
) -> AsyncIterator[WebProcess]:
    """`look_s`: seconds between two looks into the ledger."""
    ledger, desk, rules = classroom.ledger, classroom.desk, AccessRules()
    follower = RulesFollower(ledger, rules, look_s=look_s)
    async with AsyncExitStack() as stack:
        target = redis_server.path
        network = await stack.enter_async_context(TcpProxy(target, path=str(folder / "network")))
        listener = connect(f"unix://{folder / 'network'}")
        stack.push_async_callback(listener.aclose)
        await stack.enter_async_context(follower.running())
        name = f"gwy_{folder.name}"
        gateway = await stack.enter_async_context(
            serve_gateway(desk, listener, name, follower=follower)
        )
        clock = SchoolClock()
        parts = replace(
            api_parts(ledger, desk, clock),
            token_keys=TokenKeys((SECRET,), access=rules),
            access=rules,
        )
        api = await stack.enter_async_context(_closing(Api(parts, clock)))
        yield WebProcess(rules, gateway, api, network)


@asynccontextmanager
async def _closing(api: Api) -> AsyncIterator[Api]:
    async with api.clients:
        yield api


@pytest_asyncio.fixture
async def webs(
    classroom: Classroom, redis_server: RedisServer, tmp_path: Path
) -> AsyncIterator[tuple[WebProcess, WebProcess]]:
    async with AsyncExitStack() as stack:
        made = []
        for name in ("a", "b"):
            folder = tmp_path / name
            folder.mkdir()
            made.append(
                await stack.enter_async_context(web_process(classroom, redis_server, folder))
            )
        yield made[0], made[1]
