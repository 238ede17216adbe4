"""A revoked token is refused everywhere within a second, and the sockets that came with it are closed; tokens
that were made later are good."""

import pytest

from server.core.access.revocations import RevocationForm
from server.flows.access.prune_rules import KEPT_MS, prune_rules
from server.flows.access.revocations import Revoker
from server.ledger.access import rules as rows
from tests.support.builders.api import good, refused
from tests.support.builders.classroom import ROOM, Classroom, granted, now_ms
from tests.support.builders.web_processes import WebProcess
from tests.support.eventually import eventually
from tests.support.gateways import a_token

pytestmark = pytest.mark.asyncio

LIFE_MS = 3_600_000
Webs = tuple[WebProcess, WebProcess]


async def revoke(classroom: Classroom, **form: object) -> int:
    """Return the instant from which tokens are good, 0 for one token."""
    revoker = Revoker(classroom.ledger, classroom.desk.feed, "olga", LIFE_MS)
    made = await revoker.revoke(RevocationForm(**form), now_ms(), None)  # type: ignore[arg-type]
    return granted(made).made_before or 0


def seconds_ago(seconds: int) -> int:
    return now_ms() // 1_000 - seconds


async def test_the_socket_of_a_revoked_token_is_closed_in_every_process(
    classroom: Classroom, webs: Webs
) -> None:
    mine = {"jti": "t-1", "iat": seconds_ago(60)}
    async with (
        webs[0].student("ann", **mine) as (here, _),
        webs[1].student("ann", **mine) as (there, _),
        webs[1].student("ann", jti="t-2", iat=seconds_ago(60)) as (other, _),
    ):
        revoked_at = now_ms()
        await revoke(classroom, jti="t-1")
        for client in (here, there):
            code, frames = await client.closed()
            assert (code, frames[-1]["code"]) == (4001, "token_revoked")
        assert now_ms() - revoked_at < 1_000
        drop = await classroom.opened()
        assert (await other.claim(drop.id))["outcome"] == "won"


async def test_whoever_comes_back_with_it_is_refused_for_good(
    classroom: Classroom, webs: Webs
) -> None:
    """The first close says "come back with another token"; this one says "do not come back"."""
    await revoke(classroom, jti="t-1")
    await eventually(lambda: webs[1].rules.revocations, 1)
    async with webs[1].gateway.socket(ROOM) as client:
        await client.send(type="hello", token=a_token("ann", room=ROOM, jti="t-1"))
        code, frames = await client.closed()

    assert (code, frames[-1]["code"]) == (4501, "token_invalid")
    assert "revoked" in frames[-1]["message"]


async def test_a_request_with_it_is_refused_with_the_reason(
    classroom: Classroom, webs: Webs
) -> None:
    client = await webs[1].as_(a_token("ann", room=ROOM, jti="t-1"))
    good(await client.get("/v1/me/coupons"))
    await revoke(classroom, jti="t-1")
    await eventually(lambda: webs[1].rules.revocations, 1)

    problem = refused(await client.get("/v1/me/coupons"), 401, "token_invalid")
    assert (problem["reason"], problem["claim"]) == ("revoked", "jti")


async def test_a_subjects_tokens_are_revoked_up_to_the_end_of_the_second(
    classroom: Classroom, webs: Webs
) -> None:
    now_s = now_ms() // 1_000
    async with (
        webs[0].student("ann", iat=now_s) as (ann, _),
        webs[0].student("bob", iat=now_s) as (bob, _),
    ):
        good_from = await revoke(classroom, sub="ann")
        code, _ = await ann.closed()
        assert code == 4001
        drop = await classroom.opened()
        assert (await bob.claim(drop.id))["outcome"] == "won"
    async with webs[0].student("ann", iat=good_from // 1_000) as (_, welcome):
        assert welcome["student"] == "ann"


async def test_all_tokens_that_were_made_before_a_time_are_revoked(
    classroom: Classroom, webs: Webs
) -> None:
    async with (
        webs[0].student("ann", iat=seconds_ago(60)) as (ann, _),
        webs[0].student("bob", iat=seconds_ago(10)) as (bob, _),
        webs[1].student("cid") as (cid, _),  # its token does not say when it was made
    ):
        await revoke(classroom, made_before=seconds_ago(30) * 1_000)
        for client in (ann, cid):
            code, _ = await client.closed()
            assert code == 4001
        drop = await classroom.opened()
        assert (await bob.claim(drop.id))["outcome"] == "won"


async def test_a_revocation_is_deleted_when_no_token_of_it_is_left(classroom: Classroom) -> None:
    await revoke(classroom, jti="t-1")

    assert await prune_rules(classroom.ledger, now_ms() + LIFE_MS) == 0
    assert await prune_rules(classroom.ledger, now_ms() + LIFE_MS + KEPT_MS + 1) == 1
    async with classroom.ledger.read() as conn:
        assert await rows.version(conn) == 1
