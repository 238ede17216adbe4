"""Checks coupons on orders against the shop's calls: each coupon is spent once or not at all. Pure; for
`checker.py`."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.chaos.final_state import FinalRedemption, FinalState
from tests.chaos.history import ApiReply, ApiRequest, History

_ENDS = ("redeemed", "cancelled")


def money(history: History, final_state: FinalState) -> Iterator[str]:
    yield from _spent_once(final_state)
    yield from _as_told(history, final_state)
    for order in final_state.redemptions:
        yield from _adds_up(order)


def _spent_once(final_state: FinalState) -> Iterator[str]:
    spent = Counter(
        coupon_id
        for order in final_state.redemptions
        if order.state == "redeemed"
        for coupon_id in order.discounts
    )
    yield from (f"coupon {one} was redeemed {n} times" for one, n in spent.items() if n > 1)
    states = {order.id: order.state for order in final_state.redemptions}
    for coupon in final_state.coupons:
        on_order = states.get(coupon.redemption_id or "", "none")
        if (coupon.state == "redeemed") != bool(spent[coupon.id]):
            yield f"{coupon.code} is {coupon.state}, on {spent[coupon.id]} orders that are paid"
        if coupon.state in ("locked", "redeemed") and on_order != coupon.state:
            yield f"{coupon.code} is {coupon.state}, its order {on_order}"


def _as_told(history: History, final_state: FinalState) -> Iterator[str]:
    orders = {order.order_id: order for order in final_state.redemptions}
    calls = {call.number: call for call in history.of(ApiRequest)}
    told: defaultdict[str, set[str]] = defaultdict(set)
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for reply in history.of(ApiReply):
        call = calls[reply.number]
        if reply.verdict == "ok" and call.what in ("lock", "pay", "cancel"):
            told[call.key].add(reply.said["state"])
            ids[call.key].add(reply.said["id"])
    for order_id, states in told.items():
        order = orders.get(order_id)
        state = order.state if order is not None else "not there"
        for end in _ENDS:
            if end in states and state != end:
                yield f"order {order_id} was told {end}, and is {state}"
        if order is None or ids[order_id] != {order.id}:
            yield f"order {order_id} was told the ids {sorted(ids[order_id])}, and is {state}"


def _adds_up(order: FinalRedemption) -> Iterator[str]:
    if order.state == "cancelled":
        return
    parts = sum(order.discounts.values()), sum(order.line_discounts)
    if parts != (order.discount, order.discount):
        yield f"order {order.order_id}: {parts} do not add up to {order.discount}"
    if order.discount + order.payable != order.subtotal or order.payable < 0:
        yield f"order {order.order_id}: {order.discount} off {order.subtotal} is {order.payable}"
