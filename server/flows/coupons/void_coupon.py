"""Take one coupon out of use, whoever has it: an operator's answer to a mistake or a fraud.

Called by the API. One transaction, the coupon's row first and budgets last. Its unit is used up, as that of
every voided coupon; its student is told by `coupon_changed`, the school by `coupon.revoked`.
"""

from server.core.acts import Action
from server.core.coupons import codes
from server.core.coupons.coupons import Coupon, CouponState
from server.core.refusals import Code, Refused
from server.flows.abort import Abort, returns_refusal
from server.flows.promotions import budgets
from server.ledger import acts
from server.ledger.coupons import coupon_moves, coupons
from server.ledger.engine import Ledger

_OUT_OF_USE = (CouponState.VOIDED, CouponState.REVOKED, CouponState.RELEASED)


@returns_refusal
async def void_coupon(
    ledger: Ledger, actor: str, typed: str, reason: str, now: int
) -> Coupon | Refused:
    """Void the coupon with this code, in any spelling; return it as it was. Repeatable.

    Refuses with not_found; coupon_locked while an order holds it; wrong_state (`state`) once it is used.
    """
    async with ledger.begin() as conn:
        coupon = await coupons.find_by_code_for_update(conn, codes.spellings(typed))
        if coupon is None:
            raise Abort(Refused(Code.NOT_FOUND))
        if coupon.state is CouponState.LOCKED:
            raise Abort(Refused(Code.COUPON_LOCKED, "an order that is not paid yet holds it"))
        if coupon.state is CouponState.REDEEMED:
            facts = {"state": coupon.state.value}
            raise Abort(Refused(Code.WRONG_STATE, "it is used; refund its order", facts))
        if coupon.state not in _OUT_OF_USE:
            await coupon_moves.void(conn, coupon.id, now)
            await budgets.give_back(conn, [coupon.id], now)
            what = {"reason": reason, "batch": coupon.batch_id}
            await acts.write_act(conn, actor, Action.COUPON_VOIDED, coupon.id, now, **what)
    return coupon
