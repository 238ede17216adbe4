"""Changes and corruption of coupons by plain SQL, without the flows."""

from sqlalchemy import select, update

from server.core.coupons.coupons import CouponState
from server.core.ids import ClaimId, StudentId
from server.ledger.tables import claims, coupons, redemptions
from tests.support.builders.classroom import now_ms
from tests.support.builders.ledger_rows import add
from tests.support.worker_rig import ALL_SHARDS, WorkerRig


async def spend(rig: WorkerRig, drop_id: str, student: str) -> None:
    """Redeem the student's coupon on an order of its own."""
    order = f"order-{drop_id[-6:]}-{student}"
    async with rig.ledger.begin() as conn:
        columns = {"id": f"rdm_{order}", "order_id": order, "state": "redeemed"}
        await add(conn, redemptions, student=student, **columns)
        await conn.execute(
            update(coupons)
            .where(coupons.c.drop_id == drop_id, coupons.c.student == student)
            .values(
                state=CouponState.REDEEMED.value,
                redemption_id=columns["id"],
                redeemed_at=now_ms(),
            )
        )


async def let_go(rig: WorkerRig, drop_id: str, student: str, *, on_desk: bool = True) -> None:
    """The unit comes back: in the ledger, and on the desk."""
    row = await rig.classroom.row(drop_id)
    is_theirs = (claims.c.drop_id == drop_id) & (claims.c.student == student)
    async with rig.ledger.begin() as conn:
        claim_id = await conn.scalar(select(claims.c.id).where(is_theirs))
        await conn.execute(update(claims).where(is_theirs).values(state="released"))
        await conn.execute(
            update(coupons).where(coupons.c.claim_id == claim_id).values(state="released")
        )
    if on_desk:
        assert await rig.desk.drops.release(
            row.shard, drop_id, {StudentId(student): ClaimId(str(claim_id))}
        )


async def forget_the_stream(rig: WorkerRig) -> None:
    """The outbox loses all that it has, whoever still needs it."""
    for shard in ALL_SHARDS:
        await rig.desk.redis.xtrim(rig.desk.keys(shard).outbox, maxlen=0, approximate=False)
