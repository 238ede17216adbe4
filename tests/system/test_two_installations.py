"""Two whole installations, each a web and a worker process on a ledger of its own, share one Redis server
by its database numbers. They have the same prefix, room and student: what happens in one is not told in the
other."""

import shutil
from pathlib import Path

import pytest

from client_sdk.python import Status
from tests.support.clients.one_student import client_of, drops_of, opened, until
from tests.support.eventually import eventually
from tests.support.servers.stack import Programs, Stack

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180)]

GIVE_UP_S = 60


@pytest.fixture
def both(
    programs: Programs,
    stack_environment: dict[str, str],
    migrated_sqlite_file: Path,
    tmp_path: Path,
) -> list[Stack]:
    """Return two installations, on Redis databases 0 and 1."""
    found = []
    for number in (0, 1):
        ledger = tmp_path / f"ledger-{number}.db"
        shutil.copy(migrated_sqlite_file, ledger)
        own = {
            "CLASSDROP_REDIS_URL": f"{stack_environment['CLASSDROP_REDIS_URL']}?db={number}",
            "CLASSDROP_DATABASE_URL": f"sqlite:///{ledger}",
            "CLASSDROP_DATA_DIR": str(tmp_path / f"data-{number}"),
        }
        found.append(Stack(programs, {**stack_environment, **own}))
    return found


async def test_a_win_in_one_is_not_heard_in_the_other(both: list[Stack]) -> None:
    webs = [stack.web() for stack in both]
    for stack in both:
        stack.worker()
    for web in webs:
        await web.until_ready()
    async with client_of(both[0], webs[0]) as one, client_of(both[1], webs[1]) as two:
        await eventually(lambda: one.state.status is Status.LIVE, GIVE_UP_S)
        await eventually(lambda: two.state.status is Status.LIVE, GIVE_UP_S)
        drop_id = await opened(both[0], webs[0])
        told = await until(one, "drop_opened", drop_id)
        assert await one.claim(drop_id) == "won"
        coupon = await one.until_confirmed(drop_id)
        # Whatever strays has been said by now: it comes before the other installation's own drop.
        own = await opened(both[1], webs[1])
        heard = await until(two, "drop_opened", own)

        assert drops_of(told) == {drop_id}
        assert drops_of(heard) == {own}
        assert coupon["code"] not in str(heard)
        assert [drop["id"] for drop in two.state.drops] == [own]
        assert two.state.claims == {}
