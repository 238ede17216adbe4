"""The desk is read whole, piece by piece, as it stands."""

import asyncio
from typing import Any

import pytest

from server.core.ids import ClaimId
from server.desk.claims.outbox import Backlog, Outbox
from server.desk.shards.desk_audit import DeskAudit
from tests.support.builders.desks import SHARD, Desk
from tests.support.worker_rig import everybody

pytestmark = pytest.mark.asyncio


def audit_of(desk: Desk) -> DeskAudit:
    return DeskAudit(desk.redis, desk.prefix)


async def test_every_holder_is_in_one_of_the_pieces(desk: Desk) -> None:
    """More than Redis gives in one."""
    await desk.open(units=1_300)
    await asyncio.gather(*(desk.tap(student) for student in everybody(1_300)))
    pieces = [piece async for piece in audit_of(desk).holders(SHARD, "drp_1")]

    assert len(pieces) > 1
    assert {name for piece in pieces for name in piece} == set(everybody(1_300))


async def test_the_whole_outbox_is_read_by_pages(desk: Desk) -> None:
    redis: Any = desk.redis
    async with redis.pipeline(transaction=False) as pipe:
        for number in range(2_100):
            names = f"clm_{number}|drp_{number % 2}|bat_1|r1|s{number}|r1"
            pipe.xadd(desk.keys().outbox, {"win": f"{names}|1|1|1|alt_1|1|1|1"})
        await pipe.execute()
    found = await audit_of(desk).in_outbox(SHARD)

    assert len(found) == 2_100
    assert found[ClaimId("clm_2099")] == "drp_1"


async def test_entries_wait_until_they_are_acknowledged(desk: Desk) -> None:
    """The backlog is counted with a consumer group and before there is one."""
    audit, outbox = audit_of(desk), Outbox(desk.redis, desk.prefix, "wrk_1")
    assert await audit.backlog(SHARD) == Backlog(0, 0)
    await desk.open()
    await desk.tap("s1")
    await desk.tap("s2")
    without_group = await audit.backlog(SHARD)
    await outbox.make_groups()
    unread = await audit.backlog(SHARD)
    entries = await outbox.read(100)
    unacknowledged = await audit.backlog(SHARD)
    await outbox.acknowledge(entries)

    assert [one.entries for one in (without_group, unread, unacknowledged)] == [2, 2, 2]
    assert unacknowledged.oldest_age_ms >= 0
    assert (await audit.backlog(SHARD)).entries == 0


async def test_a_prefix_of_any_letters_names_its_own_drops_alone(desk: Desk) -> None:
    redis: Any = desk.redis
    ours, other = DeskAudit(desk.redis, f"{desk.prefix}*[x]"), f"{desk.prefix}-mine[x]"
    await redis.hset(f"{desk.prefix}*[x]:{{d7}}:drop:drp_1", "next", "1")
    await redis.hset(f"{other}:{{d7}}:drop:drp_2", "next", "1")
    await redis.hset(f"{desk.prefix}*[x]:{{d77}}:drop:drp_3", "next", "1")

    assert {found async for found in ours.drops()} == {(7, "drp_1")}
