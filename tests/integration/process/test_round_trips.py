"""Each step of a live class keeps to a number of round trips to PostgreSQL and Redis.

A round trip costs 0.1 ms on one machine, and 1 ms or more between two zones of a cloud: their number decides
how long a teacher waits for the card and a student for the price. Lower a bound with the change that saves.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from server.core.checkout.redemptions import LockForm, Payment
from server.core.drops.drop_rules import DropForm
from server.flows.checkout import confirm_payment, redemptions
from server.flows.checkout.quotes import QuoteForm, quote_order
from server.ledger.idempotency import IdempotencyKey
from tests.support.builders.checkouts import ORDER, Checkout, coupon_in_hand
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.round_trips import RoundTripCounter, RoundTrips
from tests.support.worker_rig import WorkerRig

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
]


@dataclass(frozen=True, slots=True)
class Counted:
    """A class whose statements are all prepared, and whose next step is counted."""

    rig: WorkerRig
    counter: RoundTripCounter

    async def press(self, key: str | None) -> tuple[str, RoundTrips]:
        batch = await self.rig.classroom.made_batch()
        form = DropForm(batch.id, 10, 60)
        with self.counter.counting() as made:
            sent = IdempotencyKey("teacher", "/drops", key, "body") if key else None
            drop = granted(await self.rig.classroom.drops.create(ROOM, form, sent, now_ms()))
        return drop.id, made

    def script(self, name: str) -> str:
        """Return what only calls of this script have in them."""
        return str(self.rig.stores.feed._scripts._script(name).sha)

    async def close(self, drop_id: str) -> RoundTrips:
        with self.counter.counting() as made:
            granted(await self.rig.classroom.drops.close(drop_id, ROOM, now_ms()))
        return made

    async def quote(self, held: Checkout) -> RoundTrips:
        form = QuoteForm(ORDER, held.student, (held.code,))
        with self.counter.counting() as made:
            granted(await quote_order(self.rig.ledger, form, now_ms()))
        return made

    async def lock_and_confirm(
        self, held: Checkout, order_id: str
    ) -> tuple[RoundTrips, RoundTrips]:
        form = LockForm(order_id, held.student, ORDER, (held.code,))
        with self.counter.counting() as locking:
            locked = granted(await redemptions.lock(self.rig.ledger, form, now_ms()))
        with self.counter.counting() as confirming:
            granted(await confirm_payment.confirm(self.rig.ledger, locked.id, Payment(), now_ms()))
        return locking, confirming


@pytest_asyncio.fixture
async def counted(rig: WorkerRig, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Counted]:

    made = Counted(rig, RoundTripCounter(rig.ledger, monkeypatch))
    drop_id, _ = await made.press("first")  # Redis gets its scripts at their first use
    await made.close(drop_id)
    yield made


class TestLiveClass:
    @pytest.mark.parametrize(("key", "more"), [(None, 0), ("counted", 1)])
    async def test_press(self, counted: Counted, key: str | None, more: int) -> None:
        """The card is the frame that the script `publish` sends to the room."""
        _, made = await counted.press(key)

        assert made.until(counted.script("publish")) <= 6 + more, made
        assert made.total <= 11 + more, made

    async def test_close(self, counted: Counted) -> None:
        drop_id, _ = await counted.press("counted")
        made = await counted.close(drop_id)

        assert made.total <= 19, made


class TestCheckout:
    async def test_quote(self, counted: Counted) -> None:
        held = await coupon_in_hand(counted.rig)
        await counted.quote(held)  # versions of templates are kept in the memory of the process
        made = await counted.quote(held)

        assert made.total <= 3, made

    async def test_lock_and_confirm(self, counted: Counted) -> None:
        held = await coupon_in_hand(counted.rig)
        await counted.quote(held)
        locking, confirming = await counted.lock_and_confirm(held, "order-1")

        assert locking.total <= 5, locking
        assert confirming.total <= 5, confirming
