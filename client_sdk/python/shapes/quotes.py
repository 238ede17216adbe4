"""Orders and quotes: what an order costs with given coupons. Amounts are minor units."""

from typing import Literal, NotRequired, TypedDict


class OrderLine(TypedDict):
    """A line of an order. `course` is needed where `kind` is absent or `course`. `list_price` is the price
    of one piece before the school's own sale; a discount takes no piece below `floor_price`."""

    id: str
    course: NotRequired[str]
    packages: NotRequired[list[str]]
    unit_price: int
    quantity: int
    list_price: NotRequired[int]
    kind: NotRequired[Literal["course", "shipping", "tax", "fee"]]
    floor_price: NotRequired[int]


class Order(TypedDict):
    """The lines of an order, all in one currency."""

    currency: str
    lines: list[OrderLine]


class QuoteForm(TypedDict):
    """The body of a quote. `coupons` are codes, or `best` for the best choice of the student's wallet.

    `balance` is the most to take from the student's balance. `order_id` names the student's own order;
    coupons that this order has locked are free for it.
    """

    student: NotRequired[str]
    order: Order
    coupons: NotRequired[list[str] | Literal["best"]]
    balance: NotRequired[int]
    order_id: NotRequired[str]


class PricedLine(TypedDict):
    """The discount of a line, and what is left to pay."""

    id: str
    discount: int
    payable: int


class Applied(TypedDict):
    """A coupon that was applied, and the amount `base` that its discount was computed on. `worth` is the
    value of a gift or rebate, whose discount is 0."""

    code: str
    discount: int
    base: int
    worth: NotRequired[int]


class QuotedGift(TypedDict):
    """A line at 0. `list_price` is that of one piece, `coupon` the code that adds the line."""

    course: str
    name: NotRequired[str]
    quantity: int
    list_price: int
    coupon: str


class QuotedRebate(TypedDict):
    """The `amount` that a coupon credits after the payment, or `days` after it."""

    code: str
    amount: int
    after: Literal["payment", "return_window"]
    days: NotRequired[int]


class Best(TypedDict):
    """The best choice of the wallet. `exact` is false where the search stopped at its limit."""

    codes: list[str]
    discount: int
    exact: bool


class Usable(TypedDict):
    """A coupon that could be selected. `adds` is the discount that it adds to the selection; `fits` says
    whether it can be combined with it."""

    code: str
    name: str
    discount: int
    adds: int
    worth: NotRequired[int]
    fits: bool
    use_by: str


UnusableReason = Literal[
    "not_yet_valid",
    "expired",
    "locked",
    "redeemed",
    "released",
    "revoked",
    "stopped",
    "limit_reached",
    "below_threshold",
    "out_of_scope",
    "wrong_currency",
    "saves_nothing",
    "not_combinable",
    "too_many",
    "unknown",
]


class Unusable(TypedDict):
    """A coupon that cannot be used now. `short_by` (minor units) and `short_pieces` are what the order
    lacks to reach the threshold."""

    code: str
    reason: UnusableReason
    short_by: NotRequired[int]
    short_pieces: NotRequired[int]


class Hint(TypedDict):
    """A hint: an order with `spend_more` more saves at least `save_more` more. Where pieces are missing,
    `pieces_more` pieces of equal price make up the sum."""

    code: str
    spend_more: int
    pieces_more: NotRequired[int]
    save_more: int
    worth: NotRequired[int]


class BalanceUse(TypedDict):
    """The student's balance, and the part of it that this order uses. `used` is part of `discount`."""

    available: int
    used: int


class Quote(TypedDict):
    """The price of an order with the given coupons. subtotal = discount + payable."""

    subtotal: int
    discount: int
    payable: int
    lines: list[PricedLine]
    applied: list[Applied]
    gifts: list[QuotedGift]
    rebates: list[QuotedRebate]
    best: Best
    usable: list[Usable]
    unusable: list[Unusable]
    hints: list[Hint]
    balance: BalanceUse
