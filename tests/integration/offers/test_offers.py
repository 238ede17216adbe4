"""Offers on both databases: two for one unit, a process that dies at each step, acceptance against
withdrawal and the end of its time, and the books of it.
"""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from server.core.ids import BatchId, StudentId
from server.core.offers.offers import Offer, OfferForm, OffersMade, OfferState
from server.core.promotions.batches import Batch
from server.core.promotions.stops import StopForm, Stoppable
from server.core.refusals import Code, Refused
from server.flows.access.blocked import BlockedAs
from server.flows.coupons.issuing.drive_issuances import IssueParts
from server.flows.coupons.issuing.issue import DRIVEN_MS
from server.flows.offers import accept_offer, end_offers, make_offers
from server.flows.promotions.stops import change_stop
from server.flows.stores import Stores
from server.ledger.coupons import coupons
from server.ledger.offers import offers
from server.ledger.promotions import batch_stock, batches
from server.ledger.tables import issuances
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.builders.issuances import assert_books, parts_of, worked
from tests.support.faults.interruptions import crash, dies, interpose, once
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio

ANN = StudentId("ann")
STEPS = {
    "before_the_issuance_is_written": (offers, "change", "after"),
    "after_the_issuance": (accept_offer, "drive", "before"),
    "before_the_coupon": (coupons, "insert_issued", "after"),
    "after_the_coupon": (accept_offer, "drive", "after"),
    "before_the_outcome": (accept_offer, "record_accepted", "after"),
}


def form(batch: Batch, *students: str) -> OfferForm:
    return OfferForm(BatchId(batch.id), tuple(StudentId(one) for one in students), 600)


async def asked(rig: WorkerRig, batch: Batch, *students: str) -> OffersMade | Refused:
    return await make_offers.make_offers(staff(rig), ROOM, form(batch, *students), None, now_ms())


async def offered(rig: WorkerRig, batch: Batch, student: str = "ann") -> Offer:
    (made,) = granted(await asked(rig, batch, student)).offers
    return made


def staff(rig: WorkerRig) -> Stores:
    return replace(rig.stores, actor="tea")


async def accepted(
    rig: WorkerRig, offer: Offer, parts: IssueParts | None = None
) -> Offer | Refused:
    return await accept_offer.accept(
        rig.stores, parts or parts_of(rig), offer.id, BlockedAs(offer.student), now_ms()
    )


async def allotted(rig: WorkerRig, batch: Batch) -> int:
    async with rig.ledger.read() as conn:
        found = await batches.find(conn, batch.id)
    assert found is not None
    return found.allotted


async def state_of(rig: WorkerRig, offer: Offer) -> OfferState:
    async with rig.ledger.read() as conn:
        found = await offers.find(conn, offer.id)
    assert found is not None
    return found.state


async def switch_claims(rig: WorkerRig, batch: Batch, *, is_stop: bool) -> None:
    form = StopForm(Stoppable.BATCH, batch.id, claims=True, use=False, reason="wrong price")
    granted(await change_stop(rig.ledger, rig.desk.drops, form, is_stop, "olga", now_ms()))


async def issuance_count(rig: WorkerRig) -> int:
    async with rig.ledger.read() as conn:
        return await conn.scalar(select(func.count()).select_from(issuances)) or 0


class TestUnits:
    async def test_an_offer_keeps_a_unit_until_it_ends(self, rig: WorkerRig) -> None:
        batch = await rig.classroom.made_batch(quantity=5)
        offer = await offered(rig, batch)
        kept = await allotted(rig, batch)
        granted(await end_offers.decline(rig.stores, offer.id, "ann", now_ms()))

        assert (kept, await allotted(rig, batch)) == (1, 0)
        await assert_books(rig, batch)

    async def test_two_offers_of_one_unit_at_once_make_one(self, rig: WorkerRig) -> None:
        batch = await rig.classroom.made_batch(quantity=1)
        answers = await asyncio.gather(asked(rig, batch, "ann"), asked(rig, batch, "ben"))

        made = [one for one in answers if isinstance(one, OffersMade)]
        refused = [one for one in answers if isinstance(one, Refused)]
        assert (len(made), [one.code for one in refused]) == (1, [Code.STOCK_SHORT])
        assert refused[0].facts["available"] == 0

    async def test_without_the_condition_both_would_be_made(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The control: it is the conditional UPDATE that refuses the second."""
        batch = await rig.classroom.made_batch(quantity=1)

        async def take_without_looking(*_: object) -> bool:
            return True

        monkeypatch.setattr(batch_stock, "take_offers", take_without_looking)
        answers = await asyncio.gather(asked(rig, batch, "ann"), asked(rig, batch, "ben"))
        assert all(isinstance(one, OffersMade) for one in answers)

    async def test_a_student_has_one_open_offer_of_a_batch(self, rig: WorkerRig) -> None:
        batch = await rig.classroom.made_batch(quantity=5, per_student=3)
        answers = await asyncio.gather(*(asked(rig, batch, "ann") for _ in range(3)))

        found = [granted(one) for one in answers]
        assert sorted(len(one.offers) for one in found) == [0, 0, 1]
        assert all(one.refused == {ANN: "limit_reached"} for one in found if not one.offers)
        assert await allotted(rig, batch) == 1

    async def test_an_offer_whose_time_is_over_gives_its_unit_back(self, rig: WorkerRig) -> None:
        batch = await rig.classroom.made_batch(quantity=5)
        offer = await offered(rig, batch)

        assert await end_offers.expire_due(rig.stores, offer.expires_at - 1) == 0
        assert await end_offers.expire_due(rig.stores, offer.expires_at) == 1
        assert await state_of(rig, offer) is OfferState.EXPIRED
        assert await allotted(rig, batch) == 0


class TestAcceptance:
    async def test_the_coupon_is_the_unit_that_was_kept(self, rig: WorkerRig) -> None:
        batch = await rig.classroom.made_batch(quantity=1)
        offer = await offered(rig, batch)
        assert isinstance(await asked(rig, batch, "ben"), Refused)
        first = granted(await accepted(rig, offer))
        again = granted(await accepted(rig, offer))

        assert first.state is OfferState.ACCEPTED
        assert first.coupon_id is not None
        assert again.coupon_id == first.coupon_id
        assert await allotted(rig, batch) == 1
        await assert_books(rig, batch)

    @pytest.mark.parametrize("step", STEPS)
    async def test_a_process_that_dies_leaves_one_outcome(
        self, rig: WorkerRig, step: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batch = await rig.classroom.made_batch(quantity=3)
        offer = await offered(rig, batch)
        where, name, when = STEPS[step]
        monkeypatch.setattr(where, name, getattr(where, name))  # it comes back after the test
        interpose(
            where,
            name,
            before=once(crash) if when == "before" else None,
            after=once(crash) if when == "after" else None,
        )
        with dies():
            await accepted(rig, offer)
        await worked(rig, after_a_crash=True)
        await accept_offer.settle_left_behind(rig.stores, now_ms())
        granted(await accepted(rig, offer, parts_of(rig, DRIVEN_MS + 1)))

        assert await allotted(rig, batch) == 1
        await assert_books(rig, batch)

    async def test_acceptance_withdrawal_and_its_end_at_once_have_one_outcome(
        self, rig: WorkerRig
    ) -> None:
        batch = await rig.classroom.made_batch(quantity=20)
        outcomes = Counter[OfferState]()
        for number in range(8):
            offer = await offered(rig, batch, f"student{number}")
            await asyncio.gather(
                accepted(rig, offer),
                end_offers.withdraw(staff(rig), offer.id, ROOM, now_ms()),
                end_offers.expire_due(rig.stores, offer.expires_at),
            )
            outcomes[await state_of(rig, offer)] += 1

        assert outcomes[OfferState.OFFERED] == outcomes[OfferState.SEEN] == 0
        assert await allotted(rig, batch) == outcomes[OfferState.ACCEPTED]
        await assert_books(rig, batch)

    async def test_without_the_look_at_its_state_an_offer_would_end_twice(
        self, rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The control: it is the look under the lock of its row that lets one of them win."""
        batch = await rig.classroom.made_batch(quantity=20)
        monkeypatch.setattr(end_offers, "can_end", lambda _: True)
        kept = [await offered(rig, batch, f"student{number}") for number in range(4)]
        for offer in kept[:2]:
            await asyncio.gather(
                accepted(rig, offer),
                end_offers.withdraw(staff(rig), offer.id, ROOM, now_ms()),
                end_offers.decline(rig.stores, offer.id, offer.student, now_ms()),
            )
        # Two offers are open; the others have ended twice or more, and more units came back than were kept.
        assert await allotted(rig, batch) < len(kept) - 2

    async def test_a_student_at_the_limit_keeps_the_offer_and_gets_no_coupon(
        self, rig: WorkerRig
    ) -> None:
        batch = await rig.classroom.made_batch(quantity=5, per_student=1)
        offer = await offered(rig, batch)
        drop = await rig.classroom.opened(batch, quantity=2)
        await rig.classroom.won(drop.id, "ann")
        refused = await accepted(rig, offer)

        assert isinstance(refused, Refused)
        assert refused.code is Code.LIMIT_REACHED
        assert await state_of(rig, offer) is OfferState.OFFERED
        assert await allotted(rig, batch) == 3

    async def test_a_refused_acceptance_leaves_no_issuance(self, rig: WorkerRig) -> None:
        batch = await rig.classroom.made_batch(quantity=5, per_student=1)
        offer = await offered(rig, batch)
        drop = await rig.classroom.opened(batch, quantity=2)
        await rig.classroom.won(drop.id, "ann")
        await rig.record(batch.shard)
        answers = [await accepted(rig, offer) for _ in range(3)]

        assert [one.code for one in answers if isinstance(one, Refused)] == [Code.LIMIT_REACHED] * 3
        assert await issuance_count(rig) == 0

    async def test_while_claims_are_stopped_nothing_is_made_and_then_it_is_accepted(
        self, rig: WorkerRig
    ) -> None:
        batch = await rig.classroom.made_batch(quantity=5)
        offer = await offered(rig, batch)
        await switch_claims(rig, batch, is_stop=True)
        refused = await accepted(rig, offer)
        assert isinstance(refused, Refused)
        assert (refused.code, refused.facts["reason"]) == (Code.WRONG_STATE, "stopped")
        assert await issuance_count(rig) == 0
        await switch_claims(rig, batch, is_stop=False)
        assert granted(await accepted(rig, offer)).state is OfferState.ACCEPTED
