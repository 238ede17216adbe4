"""Roles of the service that die at a named step, or take Redis with them; and a class around them.

A role runs in a process of its own (forked_roles.py) with its real composition; only the one call that the
crash point names is wrapped, in that process. `crash_site` has a Redis and a ledger of its own.
"""

import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from server.commands.token import TokenRequest, make_tokens
from server.core.identity import Role
from server.ledger.engine import Ledger
from server.tokens import TokenKeys
from server.worker.cadence import Cadence
from tests.support.builders.classroom import ROOM
from tests.support.eventually import eventually
from tests.support.faults.interruptions import hang_up, interpose
from tests.support.servers.forked_roles import ForkedRole
from tests.support.servers.redis_server import RedisServer
from tests.support.servers.stack import READY_SECONDS, SECRET, free_port
from tests.support.worker_rig import WorkerRig, rig_of

_GONE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """Just `before` or `after` a call of `part` (`module:Class` or a module). `mark`: only one that
    has this among its arguments; `nth`: the how manieth of these."""

    part: str
    call: str
    when: str
    mark: str | None = None
    nth: int = 1


OPEN = ("server.desk.drops.drop_desk:DropDesk", "open")
CLOSE = ("server.desk.drops.drop_desk:DropDesk", "close")
PUBLISH = ("server.desk.feed.feed:Feed", "publish")
SCRIPT = ("server.desk.scripts.loader:Scripts", "run")
CONFIRM = ("server.desk.shards.fence:Fence", "confirm")
PUBLISH_CONFIRMATIONS = ("server.desk.feed.feed:Feed", "publish_confirmations")
ACKNOWLEDGE = ("server.desk.claims.outbox:Outbox", "acknowledge")
READ_BACK = ("server.ledger.coupons.coupons", "by_claims")  # the last statement before the commit
# Of a moved window or limit, and of an opening or an end: both before the commit that ends the intent.
FINISH_INTENT = ("server.ledger.intents", "finish")
FINISH_INTENT_LATER = ("server.ledger.intents", "finish_later")


def _arm(point: CrashPoint, victim: int | None) -> None:
    """Kill `victim` at the point; None is this process itself."""
    doomed = victim or os.getpid()
    module, _, name = point.part.partition(":")
    part = import_module(module)
    left = [point.nth]

    def strike(*arguments: object) -> None:
        if point.mark is None or _mentions(arguments, point.mark):
            left[0] -= 1
            if left[0] == 0:
                os.kill(doomed, signal.SIGKILL)

    interpose(getattr(part, name) if name else part, point.call, **{point.when: strike})


def _mentions(found: object, mark: str) -> bool:
    if isinstance(found, list | tuple):
        return any(_mentions(one, mark) for one in found)
    return isinstance(found, str) and mark in found.split("\n")  # scripts get lines as well


@dataclass(slots=True)
class RoleProcess:
    """A running role. `log` has what it said."""

    process: ForkedRole
    port: int
    log: Path

    async def dies(self) -> None:
        await eventually(lambda: self.process.poll() is not None, _GONE_SECONDS)
        assert self.process.returncode == -signal.SIGKILL, self.log.read_text()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(_GONE_SECONDS)

    async def until_ready(self) -> None:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}", verify=False
        ) as client:

            async def is_ready() -> bool:
                if self.process.poll() is not None:
                    raise RuntimeError(self.log.read_text())
                try:
                    return (await client.get("/readyz")).status_code == 200
                except httpx.TransportError:
                    return False

            # The first one waits for the imports of the server that it is forked from.
            await eventually(is_ready, READY_SECONDS)


@dataclass(slots=True)
class CrashSite:
    """One class on one Redis. `rig` are the pieces of the worker that lives on; `drop_id` is set by
    whoever opens one."""

    redis: RedisServer
    rig: WorkerRig
    environment: Mapping[str, str]
    folder: Path
    started: list[RoleProcess] = field(default_factory=list)

    def start(
        self, role: str, point: CrashPoint | None = None, *, redis_dies: bool = False
    ) -> RoleProcess:
        """A process whose crash point kills itself, or Redis."""
        port = free_port()
        env = {**os.environ, **self.environment, "CLASSDROP_PORT": str(port)}
        victim = self.redis.pid if redis_dies else None
        log = self.folder / f"{role}-{len(self.started)}.log"
        prepare = partial(_arm, point, victim) if point else None
        process = ForkedRole((role,), env, log, log, prepare)
        role_process = RoleProcess(process, port, log)
        self.started.append(role_process)
        return role_process

    async def web(
        self, point: CrashPoint | None = None, *, redis_dies: bool = False
    ) -> RoleProcess:
        role_process = self.start("web", point, redis_dies=redis_dies)
        await role_process.until_ready()
        return role_process

    async def redis_returns(self) -> None:
        """Restart Redis after it has died."""
        await eventually(lambda: self.redis.is_dead, _GONE_SECONDS)
        self.redis.restart()
        await hang_up(self.rig.desk)

    @asynccontextmanager
    async def asking(
        self, web: RoleProcess, role: Role, *subjects: str
    ) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
        """A client for each subject."""
        clients = {
            subject: httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{web.port}",
                verify=False,  # there is no TLS, and reading the authorities takes 20 ms a client
                headers={"Authorization": f"Bearer {_token(role, subject)}"},
                timeout=15,
            )
            for subject in subjects
        }
        try:
            yield clients
        finally:
            for client in clients.values():
                await client.aclose()

    async def press(self, web: RoleProcess, path: str, body: Mapping[str, object]) -> int | None:
        """Post as the teacher and return the status, or None where the connection broke."""
        async with self.asking(web, Role.INSTRUCTOR, "tina") as clients:
            try:
                answer = await clients["tina"].post(f"/v1/rooms/{ROOM}/{path}", json=body)
            except httpx.TransportError:
                return None
            return answer.status_code

    async def tap(
        self, web: RoleProcess, drop_id: str, students: Iterable[str]
    ) -> dict[str, Mapping[str, Any] | None]:
        """Claim over HTTP, one after the other. Return the bodies; None where the connection broke."""
        told: dict[str, Mapping[str, Any] | None] = {}
        async with self.asking(web, Role.STUDENT, *students) as clients:
            for student, client in clients.items():
                try:
                    answer = await client.post(
                        f"/v1/drops/{drop_id}/claims", json={"request_id": "r1"}
                    )
                    told[student] = answer.json()
                except httpx.TransportError:
                    told[student] = None
        return told


def _token(role: Role, subject: str) -> str:
    request = TokenRequest(role, subject, (ROOM,), ttl_seconds=3600)
    return next(iter(make_tokens(TokenKeys((SECRET,)), request, int(time.time()))))


@pytest_asyncio.fixture
async def crash_site(
    flushable_redis: RedisServer,
    key_prefix: str,
    migrated_sqlite_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[CrashSite]:
    # No process here is merely slow: work that is left behind may be taken over at once.
    monkeypatch.setattr("server.desk.claims.outbox.CLAIM_IDLE_MS", 100)
    database = shutil.copy(migrated_sqlite_file, tmp_path / "ledger.db")
    environment = {
        "CLASSDROP_REDIS_URL": flushable_redis.url,
        "CLASSDROP_DATABASE_URL": f"sqlite:///{database}",
        "CLASSDROP_SECRET": SECRET,
        "CLASSDROP_KEY_PREFIX": key_prefix,
        "CLASSDROP_DATA_DIR": str(tmp_path / "data"),
    }
    ledger = Ledger.connect(environment["CLASSDROP_DATABASE_URL"])
    async with rig_of(flushable_redis, ledger, key_prefix) as rig:
        impatient = rig.with_cadence(Cadence(left_behind_ms=200))
        made = CrashSite(flushable_redis, impatient, environment, tmp_path)
        yield made
        for role_process in made.started:
            role_process.kill()
    await ledger.close()
