"""Templates: what a coupon is worth and where it may be used. All rules share these dataclasses.

Made from JSON by server/contract_json.py, for requests and rows alike; read by the rules of quotes, drops
and campaigns. Amounts are minor units; `percent` is what is taken off, 1..100. The default of a field is
how templates behave that were stored before the field was added.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class PercentOf(StrEnum):
    """The amount that a percentage is taken of: the total in scope, rounded once, or each line, rounded
    each."""

    TOTAL = "total"
    LINES = "lines"


@dataclass(frozen=True, slots=True)
class AmountOff:
    """Takes a fixed amount off."""

    amount: int


@dataclass(frozen=True, slots=True)
class PercentOff:
    """Takes a percentage off, at most `max_amount`."""

    percent: int
    max_amount: int | None = None
    of: PercentOf = PercentOf.TOTAL


@dataclass(frozen=True, slots=True)
class ItemsFree:
    """Makes the `free_items` cheapest pieces free if `from_items` pieces are in scope."""

    from_items: int
    free_items: int


@dataclass(frozen=True, slots=True)
class Gift:
    """Adds a line of this course at 0. `list_price` of one piece is kept with it, for the record and as its
    worth."""

    course: str
    list_price: int
    quantity: int = 1
    name: str = ""

    @property
    def worth(self) -> int:
        """The list price of all its pieces."""
        return self.list_price * self.quantity


class RebateAfter(StrEnum):
    """The time at which a rebate is credited: at the payment, or when goods can no longer be sent back."""

    PAYMENT = "payment"
    RETURN_WINDOW = "return_window"


@dataclass(frozen=True, slots=True)
class Rebate:
    """Takes nothing off this order; `credit` is what its student has on account afterwards.
    `return_window_days` is None if it is credited at the payment."""

    credit: AmountOff | PercentOff
    after: RebateAfter = RebateAfter.PAYMENT
    return_window_days: int | None = None


Discount = AmountOff | PercentOff | ItemsFree | Gift | Rebate


class Deducts(StrEnum):
    """The kinds of lines that a discount comes off. Goods are courses."""

    GOODS = "goods"
    SHIPPING = "shipping"
    TAX = "tax"
    FEE = "fee"


GOODS_ONLY: Final = frozenset({Deducts.GOODS})


class Counted(StrEnum):
    """The amounts that a threshold counts: prices before the discounts of other coupons, or after them."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A minimum of the lines in scope; a total equal to it is enough. `min_amount` 0 stands for no
    threshold, so that the two are one case."""

    min_amount: int = 0
    min_quantity: int = 0
    counted: Counted = Counted.BEFORE


@dataclass(frozen=True, slots=True)
class Scope:
    """The lines that a coupon is about. Empty: every course. An excepted course or package is out, whatever
    else it belongs to. `sale_prices` False: lines that the school already sells below their list price are
    out."""

    courses: frozenset[str] = frozenset()
    packages: frozenset[str] = frozenset()
    except_courses: frozenset[str] = frozenset()
    except_packages: frozenset[str] = frozenset()
    sale_prices: bool = True


class StackingClass(StrEnum):
    PRODUCT = "product"
    ORDER = "order"
    SHIPPING = "shipping"


@dataclass(frozen=True, slots=True)
class Stacking:
    """Two coupons may be on one order if each names the other's class. A coupon that names none is
    exclusive."""

    in_class: StackingClass = StackingClass.ORDER
    combines_with: frozenset[StackingClass] = frozenset()

    def allows(self, other: "Stacking") -> bool:
        """Return whether coupons of this and the other stacking may be on one order."""
        return other.in_class in self.combines_with and self.in_class in other.combines_with


EXCLUSIVE: Final = Stacking()


class Returned(StrEnum):
    """The fate of a coupon whose order is undone."""

    BACK = "back"
    KEPT = "kept"


class BrokenThreshold(StrEnum):
    """The effect of a partial refund if the rest no longer reaches the threshold."""

    KEEP = "keep"
    CHARGE_BACK = "charge_back"


@dataclass(frozen=True, slots=True)
class Returns:
    """The rules for an order that is undone, wholly or in part. Schools disagree on each of these, so each
    is a field."""

    after_cancel: Returned = Returned.BACK
    after_refund: Returned = Returned.KEPT
    after_partial_refund: Returned = Returned.KEPT
    broken_threshold: BrokenThreshold = BrokenThreshold.KEEP


USUAL_RETURNS: Final = Returns()


@dataclass(frozen=True, slots=True)
class FixedValidity:
    """Usable in [from_at, until_at), in ms UTC."""

    from_at: int
    until_at: int


@dataclass(frozen=True, slots=True)
class RelativeValidity:
    """Usable for `seconds`, beginning `wait_seconds` after the claim. `cap_at_batch_end`: not beyond the
    batch's claim window."""

    seconds: int
    cap_at_batch_end: bool = False
    wait_seconds: int = 0


Validity = FixedValidity | RelativeValidity


@dataclass(frozen=True, slots=True)
class TemplateForm:
    """A template as an operator writes it: everything but id, version and date."""

    name: str
    description: str
    currency: str
    discount: Discount
    threshold: Threshold
    scope: Scope
    validity: Validity
    deducts: frozenset[Deducts] = GOODS_ONLY
    stacking: Stacking = EXCLUSIVE
    uses_per_student: int | None = None
    returns: Returns = USUAL_RETURNS
    style: Mapping[str, str] = field(default_factory=dict)
    use_url: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a template. The fields that the rules of an order read have properties here; the others
    are read from `form`. `created_at` is the version's, in ms UTC."""

    form: TemplateForm
    id: str
    version: int
    created_at: int = 0

    @property
    def currency(self) -> str:
        return self.form.currency

    @property
    def discount(self) -> Discount:
        return self.form.discount

    @property
    def threshold(self) -> Threshold:
        return self.form.threshold

    @property
    def scope(self) -> Scope:
        return self.form.scope

    @property
    def stacking(self) -> Stacking:
        return self.form.stacking

    @property
    def uses_per_student(self) -> int | None:
        return self.form.uses_per_student
