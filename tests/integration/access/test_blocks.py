"""A block works within a second in every process, for taps by socket and by HTTP, and for codes; what a
student has stays theirs."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from server.core.access.blocks import BlockForm
from server.core.access.in_force import AccessRules
from server.core.access.rules import RuleKind
from server.core.checkout.redemptions import RedemptionState
from server.core.ids import StudentId
from server.core.refusals import Code
from server.flows.access.blocked import BlockedAs, block_refusal, blocked_among
from server.flows.access.blocks import block, unblock
from server.flows.access.follow_rules import RulesFollower
from server.flows.coupons.bind_code import Account, bind_code
from server.ledger.tables import access_rules, access_version, student_persons, student_tags
from tests.support.builders.api import good
from tests.support.builders.campaigns import locked, paid
from tests.support.builders.classroom import ROOM, Classroom, granted, now_ms, refused
from tests.support.builders.money import an_order
from tests.support.builders.typed_codes import made_codes
from tests.support.builders.web_processes import WebProcess, web_process
from tests.support.eventually import eventually
from tests.support.gateways import a_token
from tests.support.servers.redis_server import RedisServer
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio

A_SECOND = 1.0
Webs = tuple[WebProcess, WebProcess]


async def blocked(
    classroom: Classroom, kind: RuleKind, value: str, until: int | None = None
) -> str:
    form = BlockForm(kind, value, "abuse", until)
    made = await block(classroom.ledger, classroom.desk.feed, form, "olga", now_ms(), None)
    return granted(made).id


async def until_known(web: WebProcess) -> None:
    await eventually(lambda: web.rules.blocks_somebody, A_SECOND)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (RuleKind.STUDENT, "ann"),
        (RuleKind.PERSON, "p-1"),
        (RuleKind.DEVICE, "d-1"),
        (RuleKind.TAG, "night"),
    ],
)
async def test_taps_are_refused_in_every_process_within_a_second(
    classroom: Classroom, webs: Webs, kind: RuleKind, value: str
) -> None:
    drop = await classroom.opened()
    claims: dict[str, Any] = {"person": "p-1", "device": "d-1", "tags": ("night",)}
    async with webs[0].student("ann", **claims) as (ann, _), webs[1].student("bob") as (bob, _):
        await blocked(classroom, kind, value)
        for web in webs:
            await until_known(web)

        assert (await ann.claim(drop.id))["outcome"] == "blocked"
        assert (await bob.claim(drop.id))["outcome"] == "won"
    for web in webs:
        client = await web.as_(a_token("ann", room=ROOM, **claims))
        answer = await client.post(f"/v1/drops/{drop.id}/claims", json={"request_id": "r2"})
        assert good(answer)["outcome"] == "blocked"


async def test_the_message_alone_is_enough(
    classroom: Classroom, redis_server: RedisServer, tmp_path: Path
) -> None:
    async with web_process(classroom, redis_server, tmp_path, look_s=3_600) as web:
        await eventually(lambda: web.hears)
        await blocked(classroom, RuleKind.STUDENT, "ann")
        await until_known(web)


async def test_a_lost_message_heals_within_a_second(
    classroom: Classroom, redis_server: RedisServer, tmp_path: Path
) -> None:
    async with web_process(classroom, redis_server, tmp_path) as web:
        await eventually(lambda: web.hears)
        await web.network.refuse()
        web.network.cut()
        await eventually(lambda: not web.hears)
        await blocked(classroom, RuleKind.STUDENT, "ann")
        await until_known(web)
        assert not web.hears  # control: no message came


async def test_without_message_and_clock_nobody_hears_of_it(
    classroom: Classroom, redis_server: RedisServer, tmp_path: Path
) -> None:
    """The control of the two tests before: each of the ways is what brings it."""
    async with web_process(classroom, redis_server, tmp_path, look_s=3_600) as web:
        await eventually(lambda: web.hears)
        await web.network.refuse()
        web.network.cut()
        await eventually(lambda: not web.hears)
        await blocked(classroom, RuleKind.STUDENT, "ann")
        with pytest.raises(AssertionError):
            await until_known(web)
        await web.network.heal()
        await until_known(web)  # whoever is back looks at once


async def test_a_process_that_starts_knows_the_blocks(
    classroom: Classroom, redis_server: RedisServer, tmp_path: Path
) -> None:
    await blocked(classroom, RuleKind.STUDENT, "ann")
    async with web_process(classroom, redis_server, tmp_path) as web:
        assert web.rules.blocks_somebody


async def test_a_ledger_that_was_restored_is_read_anew(classroom: Classroom) -> None:
    """Its next versions were given before: whoever only read newer ones would miss the next blocks."""
    rules = AccessRules()
    follower = RulesFollower(classroom.ledger, rules)
    await blocked(classroom, RuleKind.STUDENT, "ann")
    await blocked(classroom, RuleKind.STUDENT, "bob")
    await follower.catch_up()
    async with classroom.ledger.begin() as conn:  # the copy of before both
        await conn.execute(delete(access_rules))
        await conn.execute(update(access_version).values(version=0))
    await follower.catch_up()
    assert len(rules) == 0

    await blocked(classroom, RuleKind.STUDENT, "cid")
    await follower.catch_up()
    assert (len(rules), rules.version) == (1, 1)


async def test_what_a_student_has_stays_theirs(classroom: Classroom, webs: Webs) -> None:
    drop = await classroom.opened()
    async with webs[0].student("ann") as (ann, _):
        assert (await ann.claim(drop.id))["outcome"] == "won"
        await blocked(classroom, RuleKind.STUDENT, "ann")
        await until_known(webs[0])

        assert (await ann.claim(drop.id))["outcome"] == "won"  # the same request
        assert (await ann.claim(drop.id, "another"))["outcome"] == "already_won"
        await classroom.confirm(drop.id)
        assert (await ann.next("claim_confirmed"))["drop_id"] == drop.id
    async with webs[0].student("ann") as (_, welcome):
        assert [claim["state"] for claim in welcome["claims"]] == ["confirmed"]


async def test_the_coupons_of_a_blocked_student_are_used_and_paid(classroom: Classroom) -> None:
    drop = await classroom.opened()
    await classroom.won(drop.id, "ann")
    await classroom.confirm(drop.id)
    await blocked(classroom, RuleKind.STUDENT, "ann")

    lock = await locked(classroom.ledger, "ann", an_order(5_000))
    assert lock.discount == 1_000
    assert (await paid(classroom.ledger, lock)).state is RedemptionState.REDEEMED


async def test_they_win_again_when_the_block_is_ended(classroom: Classroom, webs: Webs) -> None:
    drop = await classroom.opened()
    block_id = await blocked(classroom, RuleKind.STUDENT, "ann")
    await until_known(webs[0])
    async with webs[0].student("ann") as (ann, _):
        assert (await ann.claim(drop.id))["outcome"] == "blocked"
        feed = classroom.desk.feed
        granted(await unblock(classroom.ledger, feed, block_id, "olga", now_ms()))
        await eventually(lambda: not webs[0].rules.blocks_somebody, A_SECOND)
        assert (await ann.claim(drop.id))["outcome"] == "won"


async def test_no_code_is_bound(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch()
    first, second = await made_codes(rig, batch, 2)
    ann = Account(StudentId("ann"), frozenset({"night"}))
    bound = granted(await bind_code(rig.ledger, rig.desk.drops, ann, first, now_ms()))
    await blocked(rig.classroom, RuleKind.TAG, "night")

    answer = await bind_code(rig.ledger, rig.desk.drops, ann, second, now_ms())
    assert refused(answer).code is Code.BLOCKED
    again = await bind_code(rig.ledger, rig.desk.drops, ann, first, now_ms())
    assert granted(again).id == bound.id  # that one is theirs


async def test_a_transaction_sees_who_is_blocked(classroom: Classroom) -> None:
    await blocked(classroom, RuleKind.STUDENT, "ann")
    await blocked(classroom, RuleKind.STUDENT, "bob", until=now_ms() + 60_000)
    await blocked(classroom, RuleKind.PERSON, "p-1")
    await blocked(classroom, RuleKind.TAG, "night")
    async with classroom.ledger.begin() as conn:
        await conn.execute(insert(student_tags).values(student="dan", tag="night"))
        eve = {"student": "eve", "person": "p-1", "known_at": now_ms()}
        await conn.execute(insert(student_persons).values(**eve))
        assert await blocked_among(conn, ["cid", "dan", "eve"], now_ms()) == {"dan", "eve"}
    async with classroom.ledger.read() as conn:
        names = ["ann", "bob", "cid"]
        assert await blocked_among(conn, names, now_ms()) == {"ann", "bob"}
        assert await blocked_among(conn, names, now_ms() + 60_000) == {"ann"}
        assert await blocked_among(conn, [], now_ms()) == frozenset()
        by_person = BlockedAs("cid", person="p-1", device="d-1")
        assert await block_refusal(conn, by_person, now_ms()) is not None
        assert await block_refusal(conn, BlockedAs("cid", ("day",)), now_ms()) is None
