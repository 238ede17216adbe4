"""A class whose coupons are used: each won in a room and confirmed, then put on orders."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from server.core.checkout.redemptions import LockForm, Payment, Redemption
from server.core.checkout.refunds import RefundForm
from server.core.promotions.templates import Returned, Returns
from server.flows.checkout import confirm_payment, redemptions, unlock
from server.flows.checkout.refunds import refund
from server.flows.coupons.coupon_publisher import CouponPublisher
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.builders.money import an_order
from tests.support.gateways import Client, Frame, RunningGateway, a_token
from tests.support.worker_rig import WorkerRig

ORDER = an_order(5000, 3000, 3000)


@dataclass(frozen=True, slots=True)
class Checkout:
    """One student's coupon of one drop, and the orders it is put on."""

    rig: WorkerRig
    drop_id: str
    student: str
    code: str
    coupon_id: str

    async def lock(self, order_id: str = "order-1", *codes: str) -> Redemption:
        form = LockForm(order_id, self.student, ORDER, codes or (self.code,))
        return granted(await redemptions.lock(self.rig.ledger, form, now_ms()))

    async def pay(self, locked: Redemption) -> Redemption:
        return granted(
            await confirm_payment.confirm(self.rig.ledger, locked.id, Payment(), now_ms())
        )

    async def cancel(self, locked: Redemption) -> Redemption:
        return granted(await unlock.cancel(self.rig.ledger, locked.id, now_ms()))

    async def let_expire(self, locked: Redemption) -> None:
        assert await unlock.expire_overdue(self.rig.ledger, locked.expires_at + 1) == 1

    async def refund(self, order_id: str = "order-1") -> None:
        form = RefundForm("refund-1")
        granted(await refund(self.rig.ledger, "shop", order_id, form, now_ms()))


async def coupon_in_hand(
    rig: WorkerRig, student: str = "s1", returns: Returns | None = None, **batch: object
) -> Checkout:
    """Won and confirmed; its desk and ledger know it."""
    rooms = rig.classroom
    changes = {} if returns is None else {"returns": returns}
    template = await rooms.made_template(**changes)
    drop = await rooms.opened(await rooms.made_batch(template, **batch))
    await rooms.won(drop.id, student)
    await rig.confirm(drop.id)
    (row,) = await rig.classroom.desk.drops.claims_of(
        [(await _shard(rig, drop.id), drop.id, [student])]
    )
    held = row[0]
    assert held is not None
    assert held.coupon_id is not None
    codes = await rig.codes(drop.id)
    return Checkout(rig, drop.id, student, codes[student], held.coupon_id)


async def _shard(rig: WorkerRig, drop_id: str) -> int:
    return (await rig.classroom.row(drop_id)).shard


BACK_AFTER_REFUND = Returns(after_refund=Returned.BACK)
KEPT_AFTER_CANCEL = Returns(after_cancel=Returned.KEPT)


@asynccontextmanager
async def telling(rig: WorkerRig) -> AsyncIterator[None]:
    """Publish the coupon changes of this rig, as a web process does."""
    async with CouponPublisher(rig.stores).running():
        yield


@asynccontextmanager
async def seat(
    gateway: RunningGateway, student: str, room: str = ROOM
) -> AsyncIterator[tuple[Client, Frame]]:
    """A student's open socket, and the welcome."""
    async with gateway.socket(room) as client:
        await client.send(type="hello", token=a_token(student, room=room))
        yield client, await client.next("welcome")
