"""CLASSDROP_REPLICAS=1 with real processes: `won` is told when the replica has it, and whoever is promoted
keeps every win that was told. No worker runs until then, so nothing but the replica has them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from server.core.identity import Role
from server.ledger.engine import Ledger
from tests.support.builders.classroom import ROOM
from tests.support.eventually import eventually
from tests.support.faults.interruptions import hang_up
from tests.support.servers.replication import Pair, running_pair
from tests.support.servers.stack import Program, Stack
from tests.support.worker_rig import WorkerRig, everybody, is_confirmed, rig_of

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180)]

GIVE_UP_S = 60
UNITS = 12


@dataclass(frozen=True, slots=True)
class Site:
    pair: Pair
    stack: Stack
    rig: WorkerRig
    web: Program
    drop_id: str

    async def tap(self, student: str) -> str:
        """The outcome; the same request each time."""
        token = self.stack.token(Role.STUDENT, student, ROOM)
        async with httpx.AsyncClient(base_url=self.web.url, timeout=10, trust_env=False) as client:
            answer = await client.post(
                f"/v1/drops/{self.drop_id}/claims",
                json={"request_id": f"r-{student}"},
                headers={"Authorization": f"Bearer {token}"},
            )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["outcome"])

    async def wins(self, *students: str) -> None:
        for student in students:

            async def has_won(student: str = student) -> bool:
                return await self.tap(student) == "won"

            await eventually(has_won, GIVE_UP_S)


@pytest_asyncio.fixture
async def site(
    stack: Stack, stack_environment: dict[str, str], tmp_path: Path
) -> AsyncIterator[Site]:
    ledger = Ledger.connect(stack_environment["CLASSDROP_DATABASE_URL"])
    prefix = stack_environment["CLASSDROP_KEY_PREFIX"]
    async with running_pair(tmp_path / "pair") as pair, rig_of(pair, ledger, prefix) as rig:
        stack.environment |= {"CLASSDROP_REDIS_URL": pair.url, "CLASSDROP_REPLICAS": "1"}
        drop = await rig.classroom.opened(quantity=UNITS, duration_seconds=600)
        web = stack.web()
        await web.until_ready()
        yield Site(pair, stack, rig, web, drop.id)
    await ledger.close()


async def test_every_win_that_was_told_is_kept_by_the_replica_that_is_promoted(
    site: Site, stack: Stack
) -> None:
    rig, before, meanwhile = site.rig, everybody(5), "s6"
    await site.wins(*before)

    site.pair.replica.kill9()
    assert await site.tap(meanwhile) == "retry"
    site.pair.replica.restart()
    await site.pair.follow()
    await site.wins(meanwhile)

    site.pair.fail_over()
    await hang_up(rig.desk)
    assert await rig.rows(site.drop_id) == []  # nothing but the replica has them
    stack.worker()
    told = (*before, meanwhile)
    await eventually(lambda: _are_confirmed(rig, site.drop_id, told), GIVE_UP_S)
    assert sorted(await rig.live(site.drop_id)) == sorted(told)
    # Confirmed ones wait for no replica: there is none now.
    await site.wins(*told)


async def _are_confirmed(rig: WorkerRig, drop_id: str, students: tuple[str, ...]) -> bool:
    return await is_confirmed(rig, drop_id, *students)
