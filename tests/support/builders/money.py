"""Builders for templates, coupons and orders: say what matters, the rest is plain."""

from hashlib import sha256

from server.core.checkout.orders import LineKind, Order, OrderLine
from server.core.coupons.coupons import Coupon, CouponState
from server.core.ids import BatchId, CouponId, StudentId
from server.core.promotions.templates import (
    AmountOff,
    Discount,
    FixedValidity,
    Scope,
    Template,
    TemplateForm,
    Threshold,
    Validity,
)

DAY_MS = 24 * 3600 * 1000
NOW = 1_772_355_600_000  # 2026-03-01T09:00:00Z
EVERYWHERE = Scope()
TEN_OFF = AmountOff(1000)


def a_form(
    discount: Discount = TEN_OFF,
    min_amount: int = 0,
    scope: Scope = EVERYWHERE,
    currency: str = "CNY",
    validity: Validity | None = None,
) -> TemplateForm:
    return TemplateForm(
        name="Spring",
        description="",
        currency=currency,
        discount=discount,
        threshold=Threshold(min_amount),
        scope=scope,
        validity=validity or FixedValidity(NOW - DAY_MS, NOW + DAY_MS),
    )


def a_template(form: TemplateForm | None = None) -> Template:
    """Another form is another template: of one id and version there is one."""
    if form is None or form == a_form():
        return Template(a_form(), "tpl_1", 1, NOW)
    digest = sha256(repr(form).encode()).hexdigest()[:8]
    return Template(form, f"tpl_{digest}", 1, NOW)


def a_coupon(
    form: TemplateForm | None = None,
    code: str = "A",
    state: CouponState = CouponState.USABLE,
    valid_from: int = NOW - DAY_MS,
    valid_until: int = NOW + DAY_MS,
    hold_until: int | None = None,
) -> Coupon:
    return Coupon(
        id=CouponId(f"cpn_{code}"),
        code=code,
        batch_id=BatchId("bat_1"),
        template=a_template(form),
        student=StudentId("ada"),
        state=state,
        valid_from=valid_from,
        valid_until=valid_until,
        created_at=NOW - DAY_MS,
        hold_until=hold_until,
    )


def a_line(
    amount: int,
    name: str = "a",
    course: str = "algebra",
    packages: frozenset[str] = frozenset(),
    kind: LineKind = LineKind.COURSE,
) -> OrderLine:
    return OrderLine(name, course, amount, 1, packages, None, kind)


def an_order(*amounts: int, currency: str = "CNY") -> Order:
    """Lines `a`, `b`, `c`, … of these amounts, all of one course."""
    return Order(
        currency, tuple(a_line(amount, chr(97 + index)) for index, amount in enumerate(amounts))
    )
