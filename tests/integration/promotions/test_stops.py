"""Stop and resume claims on the desk and use in the ledger, on both databases."""

import pytest
from structlog.testing import capture_logs

from server.core.checkout.quoting.reasons import Reason
from server.core.checkout.redemptions import LockForm, RedemptionState
from server.core.drops.claims import Outcome
from server.core.drops.drop_rules import DropForm
from server.core.promotions.stops import EVERYTHING, StopForm, Stoppable, StopState
from server.core.refusals import Code
from server.desk.claims.outbox import Outbox
from server.flows.checkout.quotes import Quoted, QuoteForm, quote_order
from server.flows.checkout.redemptions import lock
from server.flows.consistency.rebuild.rebuild_desk import DeskRebuilder
from server.flows.drops.claims.persist_claims import ClaimPersister
from server.flows.promotions.stops import change_stop, publish_stops
from server.ledger.promotions import stops
from tests.support.builders.campaigns import code_of, locked, made_campaign, paid
from tests.support.builders.classroom import ROOM, Classroom, granted, now_ms, refused
from tests.support.builders.money import an_order

pytestmark = pytest.mark.asyncio


async def switch(
    classroom: Classroom, is_stop: bool, kind: Stoppable, target: str = "", use: bool = False
) -> StopState:
    """Return a form for claims, or for use where `use` is set."""
    form = StopForm(kind, target, claims=not use, use=use, reason="wrong price")
    desk = classroom.desk.drops
    return granted(await change_stop(classroom.ledger, desk, form, is_stop, "olga", now_ms()))


class TestClaims:
    @pytest.mark.parametrize("kind", Stoppable)
    async def test_a_stopped_drop_is_not_open_until_it_is_resumed(
        self, classroom: Classroom, kind: Stoppable
    ) -> None:
        campaign = await made_campaign(classroom.ledger)
        batch = await classroom.made_batch(campaign_id=campaign.id)
        drop = await classroom.opened(batch)
        await classroom.won(drop.id, "ann")
        target = {Stoppable.BATCH: batch.id, Stoppable.CAMPAIGN: campaign.id}.get(kind, "")

        state = await switch(classroom, True, kind, target)
        assert (state.claims, state.use, state.reason) == (True, False, "wrong price")
        assert await classroom.tap(drop.id, "bob") is Outcome.NOT_OPEN
        assert await classroom.tap(drop.id, "ann") is Outcome.WON  # the same request, repeated

        await switch(classroom, False, kind, target)
        assert await classroom.tap(drop.id, "bob") is Outcome.WON

    async def test_its_reason_is_kept_as_an_act_and_not_logged(self, classroom: Classroom) -> None:
        batch = await classroom.made_batch()
        with capture_logs() as logged:
            await switch(classroom, True, Stoppable.BATCH, batch.id)

        assert [line["event"] for line in logged] == ["stopped"]
        assert "wrong price" not in str(logged)

    async def test_others_go_on(self, classroom: Classroom) -> None:
        stopped, other = await classroom.made_batch(), await classroom.made_batch()
        drop = await classroom.opened(other)
        await switch(classroom, True, Stoppable.BATCH, stopped.id)

        await classroom.won(drop.id, "ann")

    async def test_nothing_of_it_is_opened_or_topped_up(self, classroom: Classroom) -> None:
        batch = await classroom.made_batch()
        drop = await classroom.opened(batch)
        await switch(classroom, True, Stoppable.BATCH, batch.id)

        opening = await classroom.drops.create(ROOM, DropForm(batch.id, 10, 60), None, now_ms())
        top_up = await classroom.drops.top_up(drop.id, ROOM, 5, 10, now_ms())
        for answer in (refused(opening), refused(top_up)):
            assert (answer.code, answer.facts) == (
                Code.WRONG_STATE,
                {"stopped": batch.id, "reason": "wrong price"},
            )

    async def test_it_outlives_the_desk(self, classroom: Classroom) -> None:
        batch = await classroom.made_batch()
        drop = await classroom.opened(batch)
        await switch(classroom, True, Stoppable.BATCH, batch.id)
        await _lose_and_rebuild(classroom, batch.shard)

        assert await classroom.tap(drop.id, "ann") is Outcome.NOT_OPEN

    async def test_a_shard_that_was_not_told_is_told_by_a_worker(
        self, classroom: Classroom
    ) -> None:
        batch = await classroom.made_batch()
        drop = await classroom.opened(batch)
        form = StopForm(Stoppable.BATCH, batch.id, claims=True, use=False)
        async with classroom.ledger.begin() as conn:
            await stops.change(conn, form, True, "olga", now_ms())
        assert await publish_stops(classroom.ledger, classroom.desk.drops) == 16

        assert await classroom.tap(drop.id, "ann") is Outcome.NOT_OPEN
        assert await publish_stops(classroom.ledger, classroom.desk.drops) == 0


class TestUse:
    @pytest.mark.parametrize("kind", Stoppable)
    async def test_it_is_refused_at_quote_and_lock_and_never_at_confirm(
        self, classroom: Classroom, kind: Stoppable
    ) -> None:
        campaign = await made_campaign(classroom.ledger)
        batch = await classroom.made_batch(campaign_id=campaign.id)
        drop = await classroom.opened(batch)
        await classroom.won(drop.id, "ann", "bob")
        await classroom.confirm(drop.id)
        code = await code_of(classroom.ledger, "bob")
        before = await locked(classroom.ledger, "ann", an_order(5000))
        target = {Stoppable.BATCH: batch.id, Stoppable.CAMPAIGN: campaign.id}.get(kind, "")
        await switch(classroom, True, kind, target, use=True)

        form = QuoteForm(an_order(5000), "bob", (code,))
        quoted = await quote_order(classroom.ledger, form, now_ms())
        assert isinstance(quoted, Quoted)
        assert [(one.code, one.reason) for one in quoted.quote.unusable] == [(code, Reason.STOPPED)]
        lock_form = LockForm("o2", "bob", an_order(5000), (code,))
        no = refused(await lock(classroom.ledger, lock_form, now_ms()))
        assert no.facts["coupons"] == [{"code": code, "reason": "stopped"}]
        assert (await paid(classroom.ledger, before)).state is RedemptionState.REDEEMED

        await switch(classroom, False, kind, target, use=True)
        granted(await lock(classroom.ledger, lock_form, now_ms()))

    async def test_claims_and_use_are_two_switches(self, classroom: Classroom) -> None:
        await switch(classroom, True, Stoppable.EVERYTHING)
        both = await switch(classroom, True, Stoppable.EVERYTHING, use=True)
        one = await switch(classroom, False, Stoppable.EVERYTHING)

        assert (both.claims, both.use) == (True, True)
        assert (one.claims, one.use, one.target) == (False, True, EVERYTHING)


@pytest.mark.parametrize("kind", [Stoppable.CAMPAIGN, Stoppable.BATCH])
async def test_what_is_not_there_is_not_stopped(classroom: Classroom, kind: Stoppable) -> None:
    form = StopForm(kind, "bat_none", claims=True, use=True)
    desk = classroom.desk.drops
    answer = refused(await change_stop(classroom.ledger, desk, form, True, "olga", now_ms()))

    assert answer.code is Code.NOT_FOUND
    async with classroom.ledger.read() as conn:
        assert await stops.version(conn) == 0


async def _lose_and_rebuild(classroom: Classroom, shard: int) -> None:
    desk = classroom.desk
    keys = [key async for key in desk.redis.scan_iter(f"{desk.prefix}:{{d{shard}}}:*")]
    await desk.redis.delete(*keys)
    persister = ClaimPersister(classroom.ledger, desk.fence, desk.feed)
    outbox = Outbox(desk.redis, desk.prefix, "tests")
    rebuilder = DeskRebuilder(classroom.ledger, desk.fence, desk.feed, outbox, persister)
    assert await rebuilder.rebuild(shard, now_ms())
