"""Orders that are paid, for tests of what comes after."""

from dataclasses import replace

from server.core.checkout.orders import Order
from server.core.checkout.redemptions import LockForm, Payment, Redemption
from server.core.promotions.templates import Returns, TemplateForm
from server.flows.checkout.confirm_payment import confirm
from server.flows.checkout.redemptions import lock
from server.ledger.engine import Ledger
from tests.support.builders.coupon_rows import give_coupon
from tests.support.builders.money import NOW, a_form, an_order

SEED_ORDER = an_order(5000, 3000, 3000)  # with 10 off from 100 on, its lines cost 4545, 2727, 2728


def seed_form(returns: Returns | None = None, uses: int | None = None) -> TemplateForm:
    form = a_form(min_amount=10_000)
    return replace(form, returns=returns or form.returns, uses_per_student=uses)


async def locked_order(
    ledger: Ledger, *codes: str, order_id: str = "order-1", order: Order = SEED_ORDER
) -> Redemption:
    found = await lock(ledger, LockForm(order_id, "ada", order, codes), NOW)
    assert isinstance(found, Redemption), found
    return found


async def paid_order(
    ledger: Ledger, *codes: str, order_id: str = "order-1", order: Order = SEED_ORDER
) -> Redemption:
    held = await locked_order(ledger, *codes, order_id=order_id, order=order)
    found = await confirm(ledger, held.id, Payment(), NOW)
    assert isinstance(found, Redemption), found
    return found


async def seed_paid(
    ledger: Ledger, returns: Returns | None = None, hold_until: int | None = None
) -> str:
    """The code on it."""
    code = await give_coupon(ledger, 1, form=seed_form(returns), hold_until=hold_until)
    await paid_order(ledger, code)
    return code
