"""kill -9 at each step between a coupon's move and the word of it: its student is told all the same, and so
is whoever joins later."""

import httpx
import orjson
import pytest

from server.core.identity import Role
from server.desk.feed.feed import EVERYWHERE
from tests.support.builders.checkouts import Checkout, coupon_in_hand
from tests.support.eventually import eventually
from tests.support.servers.crash_points import CrashPoint, CrashSite, RoleProcess
from tests.support.worker_rig import WorkerRig, at_work, listening

pytestmark = pytest.mark.asyncio

SHOW = ("server.desk.drops.drop_desk:DropDesk", "replace_coupons")
PUBLISH = ("server.desk.feed.feed:Feed", "publish_changes")
NOTE = (
    "server.ledger.coupons.coupon_changes",
    "mark_published",
)  # the last statement before the commit

STEPS = {
    "before_anything_is_told": CrashPoint(
        "server.flows.coupons.coupon_publisher", "publish_coupons", "before"
    ),
    "before_the_desk": CrashPoint(*SHOW, "before"),
    "after_the_desk": CrashPoint(*SHOW, "after"),
    "after_the_rooms": CrashPoint(*PUBLISH, "after"),
    "before_the_note": CrashPoint(*NOTE, "after"),
}
LINES = [{"id": "a", "course": "algebra-1", "unit_price": 8000, "quantity": 1}]


async def lock(crash_site: CrashSite, web: RoleProcess, checkout: Checkout) -> int:
    """Lock as the school's back end and return the status; 0 where the connection broke."""
    body = {
        "order_id": "order-7",
        "student": checkout.student,
        "order": {"currency": "CNY", "lines": LINES},
        "coupons": [checkout.code],
    }
    async with crash_site.asking(web, Role.SERVICE, "shop") as clients:
        try:
            return (await clients["shop"].post("/v1/redemptions", json=body)).status_code
        except httpx.TransportError:
            return 0


async def shown(rig: WorkerRig, checkout: Checkout) -> object:
    shard = (await rig.classroom.row(checkout.drop_id)).shard
    wanted = [(shard, checkout.drop_id, [checkout.student])]
    ((held,),) = await rig.desk.drops.claims_of(wanted)
    return orjson.loads(held.coupon)["state"] if held is not None else None


@pytest.mark.parametrize("step", STEPS)
async def test_the_process_that_moved_a_coupon_dies(crash_site: CrashSite, step: str) -> None:
    rig = crash_site.rig
    checkout = await coupon_in_hand(rig)
    web = await crash_site.web(STEPS[step])
    async with listening(rig.desk, EVERYWHERE) as listener:
        assert await lock(crash_site, web, checkout) in (0, 201)
        await web.dies()

        async def is_locked() -> bool:
            return await shown(rig, checkout) == "locked"

        async with at_work(rig):
            await eventually(is_locked, 10)
            (student, frame), *_ = await listener.next("changed")
    assert student == checkout.student
    assert (frame["coupon_id"], frame["state"], frame["order_id"]) == (
        checkout.coupon_id,
        "locked",
        "order-7",
    )
