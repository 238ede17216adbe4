"""One web process for all tests of a file, as it is deployed, with a room and a drop that lasts: for tests
that look for what it bears. `school` is the fixture.
"""

import asyncio
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copy

import pytest

from server.core.identity import Role
from server.desk.feed.feed_messages import FeedKind
from server.desk.redis.connection import connect
from tests.support.builders.desks import a_room_drop, make_desk
from tests.support.clients.raw_socket import raw_socket, says
from tests.support.servers.redis_server import RedisServer
from tests.support.servers.stack import SECRET, Program, Programs, Stack

ROOM = "r1"


@dataclass(slots=True)
class School:
    web: Program
    stack: Stack
    students: int = 0

    def token(self) -> str:
        """Somebody new."""
        self.students += 1
        return self.stack.token(Role.STUDENT, f"s{self.students}", ROOM)

    def assert_well(self) -> None:
        """Assert that the log has no warning and that another student of the room joins and wins."""
        assert [line for line in self.web.errors.splitlines() if '"level":"info"' not in line] == []
        self.a_student_wins()

    def a_student_wins(self) -> float:
        """Comes in, taps, is answered; in how many seconds."""
        token, begun = self.token(), time.perf_counter()
        with raw_socket(self.web.port) as good:
            good.join(token)
            good.send(says(type="claim", drop_id="drp_1", request_id="r1"))
            assert good.hear("claim_result")["outcome"] == "won"
        return time.perf_counter() - begun


@pytest.fixture(scope="module")
def school(
    redis_server: RedisServer,
    migrated_sqlite_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[School]:
    """One for all: that is what it has to bear."""
    folder = tmp_path_factory.mktemp("violations")
    copy(migrated_sqlite_file, folder / "ledger.db")
    prefix = f"t{uuid.uuid4().hex[:10]}"
    programs = Programs(folder / "programs")
    stack = Stack(
        programs,
        {
            "CLASSDROP_REDIS_URL": redis_server.url,
            "CLASSDROP_DATABASE_URL": f"sqlite:///{folder / 'ledger.db'}",
            "CLASSDROP_SECRET": SECRET,
            "CLASSDROP_KEY_PREFIX": prefix,
        },
    )
    asyncio.run(_open_drop(redis_server.url, prefix))
    web = stack.web()
    asyncio.run(web.until_ready())
    yield School(web, stack)
    programs.stop()


async def _open_drop(redis_url: str, prefix: str) -> None:
    redis = connect(redis_url)
    desk = make_desk(redis, prefix)
    await desk.arm()
    window = await desk.open(units=10_000, duration_ms=600_000)
    assert window is not None
    shown = a_room_drop(window=window, quantity=10_000)
    await desk.feed.publish("int_1", FeedKind.OPENED, shown)
    await desk.claims.close()
    await redis.aclose()
