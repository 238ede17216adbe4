"""The ledger is away, locked, full or read-only while a drop is on: everybody who taps is answered, wins
are confirmed when it is back, none twice and none set aside, and `/readyz` says what is the matter."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from server.commands.process.dependency_health import DependencyHealth, publishing_ledger_trouble
from server.core.drops.claims import ClaimState, Outcome
from server.core.drops.drop_rules import DropForm
from server.core.ids import StudentId
from server.core.refusals import Code
from server.desk.metrics_store import MetricsStore
from server.ledger import engine
from server.ledger.database_errors import LedgerUnavailableError
from server.ledger.drops.drop_row import DropRow
from server.ledger.engine import Ledger
from server.ledger.migrate import upgrade
from server.observability.health import Health
from tests.support.builders.classroom import ROOM, now_ms, refused
from tests.support.builders.desks import Desk
from tests.support.eventually import eventually
from tests.support.servers.postgres import PostgresServer, find_binaries
from tests.support.servers.tcp_proxy import TcpProxy
from tests.support.worker_rig import WorkerRig, at_work, everybody, make_rig

pytestmark = pytest.mark.asyncio

GIVE_UP_S = 30
UNITS = 100
Act = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Sickness:
    """A failure of the ledger, how it ends, and the words of `/readyz` for it."""

    url: str
    begin: Act
    end: Act
    words: str


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines that end while a test waits: what is tested is what comes after them."""
    brief = tuple(p.replace("busy_timeout=5000", "busy_timeout=200") for p in engine._PRAGMAS)
    monkeypatch.setattr(engine, "_PRAGMAS", brief)
    monkeypatch.setattr(engine, "_CONNECT_SECONDS", 3.0)
    monkeypatch.setattr("server.commands.process.dependency_health.LEDGER_TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr("server.commands.process.dependency_health.CHECK_SECONDS", 0.3)
    monkeypatch.setattr("server.desk.metrics_store._TROUBLE_SECONDS", 1)


@pytest.fixture(scope="module")
def stoppable_postgres() -> Iterator[PostgresServer]:
    """One that tests may stop, kill and forbid to write."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL on this machine")
    # Else a kill takes commits along that were answered.
    with PostgresServer(binaries, "synchronous_commit=on") as server:
        yield server


@pytest.fixture(scope="module")
def stoppable_database(stoppable_postgres: PostgresServer) -> str:
    url = stoppable_postgres.create()
    # In a thread, because Alembic runs a loop of its own and the fixture below is in one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(upgrade, url).result()
    return url


# --- SQLite ---------------------------------------------------------------------------------------


def on_the_writer(pragma: str) -> Callable[[Ledger], Act]:
    """A setting of the one connection that writes; SQLite itself does the rest."""

    def of(ledger: Ledger) -> Act:
        async def set_it() -> None:
            async with ledger.engine.connect() as conn:
                # Past SQLAlchemy, which would begin a transaction first.
                driver: Any = (await conn.get_raw_connection()).driver_connection
                await (await driver.execute(pragma)).close()

        return set_it

    return of


@asynccontextmanager
async def locked(url: str, _ledger: Ledger) -> AsyncIterator[Sickness]:
    path = url.removeprefix("sqlite:///")
    other = sqlite3.connect(path, isolation_level=None, timeout=0)

    def is_locked() -> bool:
        try:
            other.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            return False
        return True

    async def lock() -> None:
        # A transaction of ours may be open. To wait for it in SQLite would keep it from going on.
        await eventually(is_locked)

    async def unlock() -> None:
        other.rollback()

    yield Sickness(url, lock, unlock, "locked by another process")
    other.close()


@asynccontextmanager
async def full(url: str, ledger: Ledger) -> AsyncIterator[Sickness]:
    begin, end = (
        on_the_writer("PRAGMA max_page_count=1"),
        on_the_writer("PRAGMA max_page_count=9999"),
    )
    yield Sickness(url, begin(ledger), end(ledger), "disk is full")


@asynccontextmanager
async def write_protected(url: str, ledger: Ledger) -> AsyncIterator[Sickness]:
    begin, end = on_the_writer("PRAGMA query_only=ON"), on_the_writer("PRAGMA query_only=OFF")
    yield Sickness(url, begin(ledger), end(ledger), "read-only")


# --- PostgreSQL -----------------------------------------------------------------------------------


@asynccontextmanager
async def frozen(server: PostgresServer, url: str) -> AsyncIterator[Sickness]:
    async def freeze() -> None:
        server.freeze()

    async def thaw() -> None:
        server.thaw()

    yield Sickness(url, freeze, thaw, "no answer")


@asynccontextmanager
async def killed(server: PostgresServer, url: str) -> AsyncIterator[Sickness]:
    async def kill() -> None:
        server.kill9()

    async def restart() -> None:
        server.restart()

    yield Sickness(url, kill, restart, "no answer")


@asynccontextmanager
async def cut_off(server: PostgresServer, url: str) -> AsyncIterator[Sickness]:
    async with TcpProxy(server.socket_path) as network:

        async def cut() -> None:
            await network.refuse()
            network.cut()

        yield Sickness(through(network, url), cut, network.heal, "no answer")


@asynccontextmanager
async def swallowed(server: PostgresServer, url: str) -> AsyncIterator[Sickness]:
    async with TcpProxy(server.socket_path) as network:

        async def hold() -> None:
            network.hold()

        yield Sickness(through(network, url), hold, network.heal, "no answer")


def through(network: TcpProxy, url: str) -> str:
    """The same database; `url` has no host but a folder in its query."""
    return url.partition("?")[0].replace("@/", f"@127.0.0.1:{network.port}/")


@asynccontextmanager
async def forbidden_to_write(server: PostgresServer, url: str) -> AsyncIterator[Sickness]:
    async def say(word: str) -> None:
        setting = f"ALTER SYSTEM SET default_transaction_read_only = {word}"
        await asyncio.to_thread(server.run_sql, url, setting)
        await asyncio.to_thread(server.run_sql, url, "SELECT pg_reload_conf()")
        # The server reads it when it comes to it. Who connects after that has it from the start, and who is
        # connected has been told, and looks before the next statement.
        await eventually(lambda: _newcomer_is_told(url, word))

    yield Sickness(url, lambda: say("on"), lambda: say("off"), "read-only")


async def _newcomer_is_told(url: str, word: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        return bool(await connection.fetchval("SHOW default_transaction_read_only") == word)
    finally:
        await connection.close()


@asynccontextmanager
async def without_room(server: PostgresServer, url: str) -> AsyncIterator[Sickness]:
    """The server's own words where it cannot make a file longer. psql runs in a thread: it waits for the
    table's lock, which the worker of this loop may hold."""

    async def fill() -> None:
        await asyncio.to_thread(server.run_sql, url, _NO_ROOM)

    async def empty() -> None:
        await asyncio.to_thread(server.run_sql, url, "DROP FUNCTION no_room CASCADE")

    yield Sickness(url, fill, empty, "disk is full")


_NO_ROOM = """
CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE 'could not extend file "base/1/2": No space left on device' USING ERRCODE = '53100';
END $$;
CREATE TRIGGER no_room BEFORE INSERT ON claims EXECUTE FUNCTION no_room();
"""

# --- what holds in all of it ----------------------------------------------------------------------

SQLITE: dict[str, Any] = {"locked": locked, "full": full, "write_protected": write_protected}
POSTGRES: dict[str, Any] = {
    one.__name__: one
    for one in (frozen, killed, cut_off, swallowed, forbidden_to_write, without_room)
}


@dataclass(frozen=True, slots=True)
class Hospital:
    """A worker on a ledger that falls ill, and what a web process says of it."""

    rig: WorkerRig
    sickness: Sickness
    neighbours: DependencyHealth

    async def ledger_is(self) -> tuple[bool, str]:
        _, answer = await self.neighbours.health.readyz()
        parts: Any = answer["parts"]
        return parts["ledger"]["ok"], parts["ledger"].get("detail", "")


@pytest_asyncio.fixture(params=[*SQLITE, *POSTGRES])
async def hospital(
    request: pytest.FixtureRequest, desk: Desk, migrated_sqlite_file: Path, tmp_path: Path
) -> AsyncIterator[Hospital]:
    async with AsyncExitStack() as stack:
        if request.param in SQLITE:
            shutil.copy(migrated_sqlite_file, tmp_path / "ledger.db")
            url = f"sqlite:///{tmp_path / 'ledger.db'}"
            ledger = Ledger.connect(url)
            sickness = await stack.enter_async_context(SQLITE[request.param](url, ledger))
        else:
            server = request.getfixturevalue("stoppable_postgres")
            url = request.getfixturevalue("stoppable_database")
            sickness = await stack.enter_async_context(POSTGRES[request.param](server, url))
            ledger = Ledger.connect(sickness.url, statement_seconds=1.5)
        stack.push_async_callback(ledger.close)
        webs_own = Ledger.connect(sickness.url, statement_seconds=1.5)
        stack.push_async_callback(webs_own.close)
        rig = make_rig(ledger, desk)
        await rig.outbox.make_groups()
        board = MetricsStore(desk.redis, desk.prefix)
        neighbours = DependencyHealth(desk.redis, rig.fence, board, webs_own, Health())
        await stack.enter_async_context(neighbours.monitored())
        await stack.enter_async_context(publishing_ledger_trouble(ledger, board))
        yield Hospital(rig, sickness, neighbours)


async def test_claims_go_on_and_are_confirmed_once_when_the_ledger_is_back(
    hospital: Hospital,
) -> None:
    rig, sickness = hospital.rig, hospital.sickness
    drop = await rig.classroom.opened(quantity=UNITS)
    row, students = await rig.classroom.row(drop.id), everybody(60)
    async with at_work(rig):
        await rig.classroom.won(drop.id, students[0])
        await eventually(lambda: _are_confirmed(rig, row, students[:1]), GIVE_UP_S)

        await sickness.begin()
        try:
            told = await asyncio.gather(*(_tap(rig, row, one) for one in students[1:]))
            assert set(told) == {Outcome.WON}
            # Long enough for both lanes to have failed: what it says comes from a try.
            await eventually(lambda: _says(hospital, sickness.words), GIVE_UP_S)
            assert not await _are_confirmed(rig, row, students[1:2])
        finally:
            await sickness.end()

        await eventually(lambda: _are_confirmed(rig, row, students), GIVE_UP_S)
        await eventually(lambda: _is_well(hospital), GIVE_UP_S)
        await eventually(lambda: _nothing_owed(rig), GIVE_UP_S)
    rows = await rig.rows(drop.id)
    assert sorted((one.student, one.state) for one in rows) == sorted(
        (student, "live") for student in students
    )
    assert len(set((await rig.codes(drop.id)).values())) == len(students)
    assert await rig.dead_letters() == []


async def _tap(rig: WorkerRig, row: DropRow, student: str) -> Outcome:
    """Claim as a gateway does: without reading the ledger."""
    answer = await rig.desk.claims.claim(
        shard=row.shard,
        drop_id=row.id,
        batch_id=row.batch_id,
        student=StudentId(student),
        request_id="r1",
    )
    return answer.outcome


async def _are_confirmed(rig: WorkerRig, row: DropRow, students: Sequence[str]) -> bool:
    (found,) = await rig.desk.drops.claims_of([(row.shard, row.id, students)])
    return all(held is not None and held.state is ClaimState.CONFIRMED for held in found)


async def _says(hospital: Hospital, words: str) -> bool:
    is_ok, said = await hospital.ledger_is()
    return not is_ok and words in said


async def _is_well(hospital: Hospital) -> bool:
    return (await hospital.ledger_is())[0]


async def _nothing_owed(rig: WorkerRig) -> bool:
    return await rig.unacknowledged() == 0


@pytest.mark.parametrize("hospital", ["full"], indirect=True)
async def test_the_control_a_worker_that_sets_aside_what_it_cannot_write_loses_it(
    hospital: Hospital,
) -> None:
    """The same sickness under a worker that takes every error for the claim's own."""
    rig, sickness = hospital.rig, hospital.sickness
    drop = await rig.classroom.opened(quantity=UNITS)
    await rig.classroom.won(drop.id, *everybody(60))
    await sickness.begin()
    entries = await rig.outbox.read(100)
    try:
        with pytest.raises(LedgerUnavailableError, match=sickness.words):
            await rig.persister.persist(entries, now_ms())
        await rig.outbox.acknowledge(entries)
    finally:
        await sickness.end()
    assert await rig.loop.step() == 0
    assert await rig.rows(drop.id) == []


@pytest.mark.parametrize("hospital", ["write_protected", "forbidden_to_write"], indirect=True)
async def test_a_teacher_is_told_unavailable_and_nothing_is_taken(hospital: Hospital) -> None:
    rig, sickness = hospital.rig, hospital.sickness
    batch = await rig.classroom.made_batch()
    await sickness.begin()
    form = DropForm(batch.id, 10, 60)
    try:
        answer = await rig.classroom.drops.create(ROOM, form, None, now_ms())
    finally:
        await sickness.end()
    assert refused(answer).code is Code.UNAVAILABLE
    assert (await rig.classroom.batch(batch.id)).allotted == 0
