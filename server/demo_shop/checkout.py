"""The shop's checkout: quote a cart, place an order, record its payment (no money moves), refund it.

Called by `routes`, which has checked the token. An order is locked with Classdrop before the shop stores it,
and read from Classdrop whenever it is shown. The shop stores what Classdrop does not know (names, prices at
the time of the order); Classdrop stores what the coupons did.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from server.demo_shop.bodies import OrderBody, QuoteBody, RefundBody
from server.demo_shop.cart import (
    as_list,
    list_total,
    order_request,
    price_cart,
    total,
    with_discounts,
    with_gift_names,
)
from server.demo_shop.catalogue import CURRENCY
from server.demo_shop.classdrop import Classdrop
from server.demo_shop.order_book import Order, OrderBook
from server.demo_shop.refusal import NOT_FOUND, Json, Refusal

_MAX_LISTED: Final = 50
# The fields of Classdrop's redemption that the page gets.
_REDEMPTION_FIELDS: Final = (
    "state",
    "subtotal",
    "discount",
    "payable",
    "created_at",
    "expires_at",
    "paid_at",
    "payment_ref",
    "balance",
    "refunded",
    "refunds",
)


class Checkout:
    def __init__(self, classdrop: Classdrop, orders: OrderBook, clock: Callable[[], int]) -> None:
        self._classdrop = classdrop
        self._orders = orders
        self._clock = clock

    async def quote(self, student: str, body: QuoteBody) -> Json | Refusal:
        lines = price_cart(body.lines)
        if isinstance(lines, Refusal):
            return lines
        form: Json = {
            "order": order_request(lines),
            "coupons": body.coupons,
            # Classdrop takes at most what the student has, and what the order costs.
            "balance": total(lines) if body.use_balance else 0,
            **_order_id_field(body.order_id),
        }
        found, prompts = await asyncio.gather(
            self._classdrop.quote(student, form), self._classdrop.prompts(student, form)
        )
        if isinstance(found, Refusal):
            return found
        # The cart is worth more than its prompts: without them it is shown all the same.
        more = [] if isinstance(prompts, Refusal) else prompts.get("prompts", [])
        return {**_quote_response(lines, found), "prompts": more}

    async def place(self, order_id: str, student: str, body: OrderBody) -> Json | Refusal:
        """Lock coupons and balance while the student pays. The same id again replaces the lock."""
        goods = await self._price_snapshot(order_id, student, body)
        if isinstance(goods, Refusal):
            return goods
        form: Json = {
            "order": order_request(as_list(goods["lines"])),
            "coupons": body.coupons,
            "balance": body.balance,
            "expected_payable": body.expected_payable,
        }
        locked = await self._classdrop.lock(order_id, student, form)
        if isinstance(locked, Refusal):
            return locked
        order = Order(order_id, student, self._clock(), goods, locked)
        await self._orders.keep(order)
        return _order_response(order)

    async def pay(self, order_id: str, student: str, paid: int | None) -> Json | Refusal:
        """Confirm the order as paid, without moving money. May be repeated.

        Refused where the lock has ended and the coupon is used elsewhere, or where the total has changed
        because another tab placed the order again.
        """
        order = await self._find_visible(order_id, student)
        if isinstance(order, Refusal):
            return order
        form: Json = {
            "payment_ref": f"demo-{order.id[-12:]}",
            "paid": order.redemption["payable"] if paid is None else paid,
        }
        confirmed = await self._classdrop.confirm(_redemption_id(order), form)
        return await self._save(order, confirmed)

    async def cancel(self, order_id: str, student: str) -> Json | Refusal:
        order = await self._find_visible(order_id, student)
        if isinstance(order, Refusal):
            return order
        return await self._save(order, await self._classdrop.cancel(_redemption_id(order)))

    async def show(self, order_id: str, student: str | None) -> Json | Refusal:
        """Return the order with its current state. `student` None: an operator, who sees every order."""
        order = await self._find_visible(order_id, student)
        if isinstance(order, Refusal):
            return order
        return await self._save(order, await self._classdrop.redemption(_redemption_id(order)))

    async def newest(self, student: str | None, search: str = "") -> Json:
        """Return the newest orders, each with the state of Classdrop's last response.

        `search`: a part of the order's number, its student or a coupon's code.
        """
        found = await self._orders.newest(student, search, _MAX_LISTED)
        return {"orders": [_order_response(order) for order in found]}

    async def refund(self, order_id: str, body: RefundBody) -> Json | Refusal:
        """Refund once for each `refund_id`. Return the order after it, or the refund if only a preview."""
        order = await self._find_visible(order_id, None)
        if isinstance(order, Refusal):
            return order
        form = body.model_dump(exclude_none=True)
        refunded = await self._classdrop.refund(order.id, form)
        if body.preview or isinstance(refunded, Refusal):
            return refunded
        return await self.show(order.id, None)

    async def _price_snapshot(self, order_id: str, student: str, body: OrderBody) -> Json | Refusal:
        """Return what the shop stores of the order: lines, names of its coupons, gifts and rebates."""
        lines = price_cart(body.lines)
        if isinstance(lines, Refusal):
            return lines
        form: Json = {"order": order_request(lines), "coupons": body.coupons, "order_id": order_id}
        found = await self._classdrop.quote(student, form)
        if isinstance(found, Refusal):
            return found
        names = {str(each["code"]): each["name"] for each in as_list(found.get("usable"))}
        return {
            "lines": lines,
            "names": names,
            "gifts": found.get("gifts", []),
            "rebates": found.get("rebates", []),
        }

    async def _find_visible(self, order_id: str, student: str | None) -> Order | Refusal:
        """Find the order; another student's order is not_found."""
        order = await self._orders.find(order_id)
        if order is None or student not in (None, order.student):
            return NOT_FOUND
        return order

    async def _save(self, order: Order, redemption: Json | Refusal) -> Json | Refusal:
        if isinstance(redemption, Refusal):
            return redemption
        saved = Order(order.id, order.student, order.placed_at, order.goods, redemption)
        await self._orders.keep(saved)
        return _order_response(saved)


def _order_id_field(order_id: str | None) -> Json:
    return {} if order_id is None else {"order_id": order_id}


def _redemption_id(order: Order) -> str:
    return str(order.redemption["id"])


def _quote_response(lines: Sequence[Json], found: Mapping[str, object]) -> Json:
    return {
        **found,
        "currency": CURRENCY,
        "lines": with_discounts(lines, found.get("lines")),
        "gifts": with_gift_names(found.get("gifts")),
        "list_total": list_total(lines),
    }


def _order_response(order: Order) -> Json:
    lines, redemption = as_list(order.goods["lines"]), order.redemption
    names = order.goods["names"]
    assert isinstance(names, dict)
    coupons = as_list(redemption.get("coupons"))
    return {
        "id": order.id,
        "student": order.student,
        "currency": CURRENCY,
        **{key: redemption[key] for key in _REDEMPTION_FIELDS if key in redemption},
        "lines": with_discounts(lines, redemption.get("lines")),
        "list_total": list_total(lines),
        "coupons": [{**each, "name": names.get(each["code"], each["code"])} for each in coupons],
        "gifts": with_gift_names(order.goods["gifts"]),
        "rebates": order.goods["rebates"],
    }
