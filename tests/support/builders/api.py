"""The real HTTP application over a real ledger and a real Redis, asked without a port between.

`api` has a client for each role (`api.operator.get(...)`); its clock is the test's. Builders below
make the shortest bodies that are good.
"""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import orjson
import pytest_asyncio
from sqlalchemy import func, select
from starlette.applications import Starlette

from server.api.app import build_app
from server.api.http.caches.drop_lookup import DropLookup
from server.api.http.dependencies import ApiDependencies
from server.api.http.limits.claim_limits import StudentLimiter
from server.core.identity import Identity, Role
from server.desk.claims.outbox import Outbox
from server.desk.keys import SHARDS
from server.flows.drops.claims.persist_claims import ClaimPersister
from server.ledger.engine import Ledger
from server.ledger.tables import metadata
from server.observability import exposition
from server.observability.health import Health
from server.observability.metrics import Metrics
from server.tokens import TokenKeys
from tests.support.builders.desks import Desk
from tests.support.builders.money import NOW
from tests.support.servers.ledgers import connect

KEYS = TokenKeys(["a-secret-that-is-long-enough-for-a-test"])
SCHOOL = "https://school.example"
ROOM = "math-7"
AS_JSON = {"Content-Type": "application/json"}
Json = dict[str, Any]


@dataclass(slots=True)
class Clock:
    """Moves when a test says so. Tokens and templates go by it, drops by the clock of Redis."""

    now: int = NOW

    def __call__(self) -> int:
        return self.now


def token(role: Role, subject: str, *rooms: str, ttl_s: int = 3600, **claims: Any) -> str:
    issued = Clock().now // 1000
    return KEYS.sign(
        {
            "sub": subject,
            "role": role,
            "rooms": list(rooms),
            "iat": issued,
            "exp": issued + ttl_s,
            **claims,
        }
    )


@dataclass(slots=True)
class Api:
    """One application. Clients made by `client` are closed with it."""

    parts: ApiDependencies
    clock: Clock
    clients: AsyncExitStack = field(default_factory=AsyncExitStack)
    app: Starlette = field(init=False)

    def __post_init__(self) -> None:
        self.app = build_app(self.parts)

    async def client(self, bearer: str | None = None) -> httpx.AsyncClient:
        """Errors of the application become answers, as behind a port."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        client = httpx.AsyncClient(
            transport=transport, base_url="http://drops.example", headers=headers
        )
        return await self.clients.enter_async_context(client)

    async def as_(self, role: Role, subject: str, *rooms: str, **claims: Any) -> httpx.AsyncClient:
        return await self.client(token(role, subject, *rooms, **claims))

    async def operator(self) -> httpx.AsyncClient:
        return await self.as_(Role.OPERATOR, "olga")

    async def teacher(self, *rooms: str) -> httpx.AsyncClient:
        return await self.as_(Role.INSTRUCTOR, "tina", *(rooms or (ROOM,)))

    async def student(self, name: str = "ann", *rooms: str, **claims: Any) -> httpx.AsyncClient:
        return await self.as_(Role.STUDENT, name, *(rooms or (ROOM,)), **claims)

    async def service(self) -> httpx.AsyncClient:
        return await self.as_(Role.SERVICE, "shop")

    async def finance(self) -> httpx.AsyncClient:
        return await self.as_(Role.FINANCE, "fred")

    async def row_counts(self) -> dict[str, int]:
        """Return the number of rows of every table, to see that nothing was written."""
        async with self.parts.ledger.read() as conn:
            return {
                table.name: (
                    await conn.execute(select(func.count()).select_from(table))
                ).scalar_one()
                for table in metadata.sorted_tables
            }

    async def made_template(self, **change: object) -> Json:
        answer = await (await self.operator()).post("/v1/templates", json=a_template(**change))
        return good(answer, 201)

    async def made_batch(self, **change: object) -> Json:
        template = await self.made_template()
        body = {"template_id": template["id"], **a_batch(), **change}
        return good(await (await self.operator()).post("/v1/batches", json=body), 201)

    async def made_drop(self, room: str = ROOM, **change: object) -> Json:
        batch = await self.made_batch()
        usual = a_drop()
        if "closes" in change:
            del usual["duration_seconds"]
        body = {"batch_id": batch["id"], **usual, **change}
        teacher = await self.teacher(room)
        return good(await teacher.post(f"/v1/rooms/{room}/drops", json=body), 201)


def good(answer: httpx.Response, status: int = 200) -> Json:
    assert answer.status_code == status, answer.text
    found = orjson.loads(answer.content)
    assert isinstance(found, dict)
    return found


def refused(answer: httpx.Response, status: int, code: str) -> Json:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = orjson.loads(answer.content)
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code), (
        answer.text
    )
    assert isinstance(problem, dict)
    return problem


def field_errors(answer: httpx.Response) -> list[tuple[str, str]]:
    errors = refused(answer, 422, "invalid_field")["errors"]
    assert isinstance(errors, list)
    return [(error["field"], error["code"]) for error in errors]


def a_template(**change: object) -> Json:
    return {
        "name": "Ten off",
        "description": "for the whole class",
        "currency": "CNY",
        "discount": {"kind": "amount_off", "amount": 1000},
        "threshold": {"min_amount": 0},
        "scope": {"courses": [], "packages": []},
        "validity": {"kind": "relative", "seconds": 86_400, "cap_at_batch_end": False},
        **change,
    }


def a_batch(**change: object) -> Json:
    return {"name": "Monday", "quantity": 100, "channel": "live", "per_student": 1, **change}


def a_drop(**change: object) -> Json:
    return {"quantity": 3, "duration_seconds": 60, **change}


def an_order(*prices: int) -> Json:
    lines = [
        {"id": str(n), "course": f"c{n}", "unit_price": price, "quantity": 1}
        for n, price in enumerate(prices or (5_000,))
    ]
    return {"currency": "CNY", "lines": lines}


async def _welcome(room: str, identity: Identity) -> bytes:
    return orjson.dumps({"type": "welcome", "room": room, "student": identity.subject})


def _metrics_text_of(metrics: Metrics) -> Callable[[], Awaitable[bytes]]:
    async def metrics_text() -> bytes:
        return exposition.dump(metrics.registry, {"process": "web-1"})

    return metrics_text


def api_parts(
    ledger: Ledger, desk: Desk, clock: Clock, origins: Sequence[str] = (SCHOOL,)
) -> ApiDependencies:
    metrics = Metrics()
    return ApiDependencies(
        ledger=ledger,
        drop_desk=desk.drops,
        claim_desk=desk.claims,
        feed=desk.feed,
        drop_lookup=DropLookup(desk.feed),
        token_keys=KEYS,
        health=Health(),
        metrics=metrics,
        metrics_text=_metrics_text_of(metrics),
        claim_limiter=StudentLimiter(),
        snapshot=_welcome,
        clock=clock,
        time_zone=ZoneInfo("Asia/Shanghai"),
        public_url="https://drops.example",
        allowed_origins=tuple(origins),
    )


@pytest_asyncio.fixture
async def api(migrated_sqlite_file: Path, tmp_path: Path, desk: Desk) -> AsyncIterator[Api]:
    """Yield the application on SQLite. Tests of the ledger and of a whole journey run on both databases."""
    shutil.copy(migrated_sqlite_file, tmp_path / "api.db")
    ledger = connect(f"sqlite:///{tmp_path / 'api.db'}")
    async with serving(ledger, desk) as made:
        yield made
    await ledger.close()


@asynccontextmanager
async def serving(ledger: Ledger, desk: Desk) -> AsyncIterator[Api]:
    clock = Clock()
    made = Api(api_parts(ledger, desk, clock), clock)
    async with made.clients:
        yield made


async def confirm_all(api: Api, desk: Desk) -> None:
    """Confirm all won claims, as a worker does."""
    outbox = Outbox(desk.redis, desk.prefix, "tests")
    persister = ClaimPersister(api.parts.ledger, desk.fence, desk.feed)
    for shard in range(SHARDS):
        await persister.persist(await outbox.read_all(shard), api.clock.now)


def with_parts(api: Api, **change: object) -> Api:
    """The same service with something of it replaced."""
    return Api(replace(api.parts, **change), api.clock, api.clients)  # type: ignore[arg-type]
