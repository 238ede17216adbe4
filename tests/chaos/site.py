"""A small school of real processes, with a network between every two of them that can be disturbed.

Two webs, two workers, a Redis that writes everything to disk at once, and SQLite or PostgreSQL. A proxy
stands between clients and each web, and between each process and Redis and PostgreSQL. Used by `bench.py`;
`nemesis.py` disturbs it.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from server.core.identity import Role
from server.desk.redis.connection import connect
from server.desk.redis.nodes import Nodes
from server.ledger.engine import Ledger
from server.ledger.migrate import upgrade
from tests.chaos.pauses import pause
from tests.races.books import Books
from tests.support.eventually import eventually
from tests.support.servers.postgres import PostgresServer
from tests.support.servers.redis_server import RedisServer
from tests.support.servers.stack import SECRET, Program, Programs, Stack, free_port
from tests.support.servers.tcp_proxy import Address, TcpProxy

PREFIX = "chaos"
START_S = 90.0  # for four processes that start together on a busy machine
_READY_S = 5.0
_STARTED_AGAIN_S = 1.0
WEBS = ("web1", "web2")
_WORKERS = ("worker1", "worker2")
_POSTGRES_PORT = 5432  # only in the name of its socket


@dataclass(slots=True)
class Member:
    """One process of the service. `program` is the one that runs now, or ran last.

    `is_killed`: the nemesis has killed it, and starts it again itself.
    """

    name: str
    stack: Stack
    settings: Mapping[str, str]
    program: Program = field(init=False)
    is_killed: bool = False

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        role = "web" if self.name in WEBS else "worker"
        self.program, self.is_killed = getattr(self.stack, role)(**self.settings), False

    def kill9(self) -> None:
        self.is_killed = True
        self.program.kill9()

    def freeze(self) -> None:
        self.program.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.program.signal(signal.SIGCONT)

    @property
    def has_ended(self) -> bool:
        return self.program.process.poll() is not None


@dataclass(slots=True)
class Site:
    """The school. `proxies` are named after the two that they connect, as in `web1-redis`."""

    stack: Stack
    redis_server: RedisServer
    proxies: dict[str, TcpProxy]
    members: dict[str, Member]
    ledger: Ledger
    redis: Nodes
    books: Books

    @property
    def urls(self) -> list[str]:
        """The addresses of the webs, as clients reach them."""
        return [f"http://127.0.0.1:{self.proxies[f'clients-{web}'].port}" for web in WEBS]

    def token(self, role: Role, subject: str, *rooms: str) -> str:
        return self.stack.token(role, subject, *rooms, ttl_seconds=24 * 3600)

    async def restart_ended(self) -> None:
        """Start ended processes again, until the task is cancelled."""
        while True:
            self._restart()
            await pause(_STARTED_AGAIN_S)

    def _restart(self) -> None:
        """Start a process again that gave up because Redis or the database was away, as a platform would."""
        for member in self.members.values():
            if member.has_ended and not member.is_killed:
                member.start()

    async def until_ready(self) -> None:
        """Wait until all processes run and the webs are ready."""
        async with httpx.AsyncClient(timeout=_READY_S, trust_env=False) as client:

            async def are_ready() -> bool:
                self._restart()
                for name in WEBS:
                    try:
                        answer = await client.get(f"{self.members[name].program.url}/readyz")
                    except httpx.TransportError as error:
                        raise AssertionError(f"{name} does not answer") from error
                    assert answer.status_code == 200, f"{name}: {answer.text}"
                return True

            await eventually(are_ready, START_S)


@asynccontextmanager
async def start_site(
    folder: Path, postgres: PostgresServer | None, seed: int
) -> AsyncIterator[Site]:
    """Start a school and wait until it is ready. `postgres` None: the ledger is SQLite, without a proxy."""
    async with AsyncExitStack() as stack:
        redis_server = stack.enter_context(RedisServer(folder / "redis"))
        database = postgres.create() if postgres else f"sqlite:///{folder / 'ledger.db'}"
        await asyncio.to_thread(upgrade, database)
        proxies = await _proxies(stack, redis_server, database if postgres else None, seed)
        programs = Programs(folder / "programs")
        # In a thread, because the processes end their connections through the proxies, which run in our loop.
        stack.push_async_callback(asyncio.to_thread, programs.stop)
        common = {
            "CLASSDROP_SECRET": SECRET,
            "CLASSDROP_KEY_PREFIX": PREFIX,
            "CLASSDROP_DATA_DIR": str(folder / "data"),
        }
        parts = Stack(programs, common)
        members = {
            name: Member(name, parts, _settings(name, proxies, database))
            for name in (*WEBS, *_WORKERS)
        }
        for name in WEBS:
            address: Address = ("127.0.0.1", members[name].program.port)
            label = f"clients-{name}"
            proxies[label] = await stack.enter_async_context(
                TcpProxy(address, seed=hash_of(label, seed))
            )
        ledger, redis = Ledger.connect(database), connect(redis_server.url)
        stack.push_async_callback(ledger.close)
        stack.push_async_callback(redis.aclose)
        books = Books(ledger, redis, PREFIX)
        site = Site(parts, redis_server, proxies, members, ledger, redis, books)
        await site.until_ready()
        yield site


def hash_of(label: str, seed: int) -> int:
    """Return a hash that is the same in every run, unlike `hash`."""
    return seed * 1_000 + sum(label.encode())


async def _proxies(
    stack: AsyncExitStack, redis_server: RedisServer, postgres_url: str | None, seed: int
) -> dict[str, TcpProxy]:
    targets: dict[str, Address] = {"redis": redis_server.path}
    if postgres_url is not None:
        folder = urlsplit(postgres_url).query.removeprefix("host=")
        targets["sql"] = f"{folder}/.s.PGSQL.{_POSTGRES_PORT}"
    made = {}
    for name in (*WEBS, *_WORKERS):
        for what, target in targets.items():
            label = f"{name}-{what}"
            proxy = TcpProxy(target, seed=hash_of(label, seed))
            made[label] = await stack.enter_async_context(proxy)
    return made


def _settings(name: str, proxies: Mapping[str, TcpProxy], database: str) -> dict[str, str]:
    """Return the settings of a process. A web keeps its port through restarts, as behind a load balancer."""
    sql = proxies.get(f"{name}-sql")
    if sql is not None:
        address = urlsplit(database)
        database = f"postgresql://{address.username}@127.0.0.1:{sql.port}{address.path}"
    return {
        "CLASSDROP_REDIS_URL": f"redis://127.0.0.1:{proxies[f'{name}-redis'].port}",
        "CLASSDROP_DATABASE_URL": database,
        "CLASSDROP_PORT": str(free_port()),
    }
