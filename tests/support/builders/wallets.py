"""Orders and wallets to quote, from a seed: what a school's busiest students might have.

The published generator behind the figures of a quote: 20 lines (17 courses in one or more pieces, some on
sale, some in packages; shipping, tax and a fee) and 30 coupons of 12 to 30 templates of every kind, scope
and stacking. Read by the quote's tests and by `python -m tests.benchmarks.quotes`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from server.core.checkout.orders import LineKind, Order, OrderLine
from server.core.coupons.coupons import Coupon, CouponState
from server.core.ids import BatchId, CouponId, StudentId
from server.core.promotions.templates import (
    AmountOff,
    Counted,
    Deducts,
    Discount,
    FixedValidity,
    Gift,
    ItemsFree,
    PercentOf,
    PercentOff,
    Rebate,
    Scope,
    Stacking,
    StackingClass,
    Template,
    TemplateForm,
    Threshold,
)
from tests.support.builders.money import DAY_MS, NOW

COURSES = tuple(f"course-{number}" for number in range(40))
PACKAGES = ("spring", "exam", "junior")
LINES, COUPONS = 20, 30
_EVERY_CLASS = frozenset(StackingClass)


@dataclass(frozen=True, slots=True)
class Case:
    order: Order
    wallet: tuple[Coupon, ...]


def a_case(seed: int, lines: int = LINES, coupons: int = COUPONS) -> Case:
    random = Random(seed)
    order = Order("CNY", tuple(_lines(random, lines)))
    templates = [_template(random, number) for number in range(random.randint(12, 30))]
    wallet = tuple(_coupon(random, random.choice(templates), at) for at in range(coupons))
    return Case(order, wallet)


def limited(case: Case, seed: int) -> Case:
    """The same wallet of a few templates alone, in versions with use limits of their own."""
    random = Random(seed)
    templates = {coupon.template.id: coupon.template for coupon in case.wallet}
    some = sorted(templates)[: random.randint(1, 4)]
    versions = {of: [_versioned(random, templates[of], number) for number in (1, 2)] for of in some}
    return replace(
        case,
        wallet=tuple(
            replace(coupon, template=random.choice(versions[random.choice(some)]))
            for coupon in case.wallet
        ),
    )


def uses_of(case: Case, seed: int) -> dict[str, int]:
    """Return how often each template was used so far."""
    random = Random(seed)
    of = sorted({coupon.template.id for coupon in case.wallet})
    return {each: random.randint(0, 4) for each in of if random.random() < 0.7}


def _versioned(random: Random, template: Template, version: int) -> Template:
    """Most combine with their like, so that several of one template come together."""
    limit = random.choice((None, 1, 2, 3, 4))
    stacking = replace(template.stacking, combines_with=_EVERY_CLASS)
    if random.random() < 0.2:
        stacking = template.stacking
    return replace(
        template,
        version=version,
        form=replace(template.form, uses_per_student=limit, stacking=stacking),
    )


def _lines(random: Random, lines: int) -> Iterator[OrderLine]:
    courses = [COURSES[at % len(COURSES)] for at in random.sample(range(3 * lines), lines - 3)]
    for number, course in enumerate(courses):
        price = random.randrange(990, 60_000, 10)
        yield OrderLine(
            id=str(number),
            course=course,
            unit_price=price,
            quantity=random.choice((1, 1, 1, 2, 3)),
            packages=frozenset(name for name in PACKAGES if random.random() < 0.2),
            list_price=price * 2 if random.random() < 0.3 else None,
            floor_price=price // 2 if random.random() < 0.1 else None,
        )
    for kind, price in ((LineKind.SHIPPING, 1200), (LineKind.TAX, 3333), (LineKind.FEE, 500)):
        yield OrderLine(kind.value, None, price, 1, kind=kind)


def _template(random: Random, number: int) -> Template:
    stacking = _stacking(random)
    is_shipping = stacking.in_class is StackingClass.SHIPPING
    form = TemplateForm(
        name=f"Template {number}",
        description="",
        currency="CNY",
        discount=AmountOff(1200) if is_shipping else _discount(random),
        threshold=_threshold(random),
        scope=Scope() if is_shipping else _scope(random),
        validity=FixedValidity(NOW - DAY_MS, NOW + DAY_MS),
        deducts=frozenset({Deducts.SHIPPING if is_shipping else Deducts.GOODS}),
        stacking=stacking,
        uses_per_student=random.choice((None, None, 1, 2)),
    )
    return Template(form, f"tpl_{number:02}", 1, NOW)


def _stacking(random: Random) -> Stacking:
    """A quarter is exclusive, most combine with the other classes, some with their own as well."""
    in_class = random.choices(tuple(StackingClass), (35, 45, 20))[0]
    with_others = random.choices(
        (frozenset[StackingClass](), _EVERY_CLASS - {in_class}, _EVERY_CLASS), (25, 50, 25)
    )
    return Stacking(in_class, with_others[0])


def _discount(random: Random) -> Discount:
    percent = PercentOff(
        random.randint(3, 30),
        random.choice((None, 3_000, 10_000)),
        random.choice(tuple(PercentOf)),
    )
    return random.choices(
        (
            AmountOff(random.randrange(500, 20_000, 100)),
            percent,
            ItemsFree(random.randint(2, 5), random.randint(1, 2)),
            Gift(random.choice(COURSES), random.randrange(1_000, 9_000, 100)),
            Rebate(random.choice((percent, AmountOff(2_000)))),
        ),
        (40, 30, 10, 10, 10),
    )[0]


def _threshold(random: Random) -> Threshold:
    return Threshold(
        random.choice((0, 0, 10_000, 100_000, 400_000)),
        random.choice((0, 0, 0, 3)),
        random.choice((Counted.BEFORE, Counted.BEFORE, Counted.AFTER)),
    )


def _scope(random: Random) -> Scope:
    match random.randrange(4):
        case 0:
            return Scope(courses=frozenset(random.sample(COURSES, 12)))
        case 1:
            return Scope(packages=frozenset({random.choice(PACKAGES)}))
        case 2:
            excepted = frozenset(random.sample(COURSES, 5))
            return Scope(except_courses=excepted, sale_prices=random.random() < 0.5)
        case _:
            return Scope()


def _coupon(random: Random, template: Template, number: int) -> Coupon:
    return Coupon(
        id=CouponId(f"cpn_{number}"),
        code=f"{number:03}",
        batch_id=BatchId("bat_1"),
        template=template,
        student=StudentId("ada"),
        state=CouponState.USABLE,
        valid_from=NOW - DAY_MS,
        valid_until=NOW + random.randint(1, 30) * DAY_MS,
        created_at=NOW - DAY_MS,
    )
