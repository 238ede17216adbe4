"""Templates: what a coupon is worth and where it may be used."""

from typing import Literal, NotRequired, TypedDict


class Credit(TypedDict):
    """The credit of a rebate: the fields of an `amount_off` or a `percent_off` discount."""

    kind: Literal["amount_off", "percent_off"]
    amount: NotRequired[int]
    percent: NotRequired[int]
    max_amount: NotRequired[int]
    of: NotRequired[Literal["total", "lines"]]


class Discount(TypedDict):
    """One of five kinds; each kind has its own fields.

    amount_off: `amount` in minor units.
    percent_off: `percent` is what is taken off, 1..100 (20 = 8折), at most `max_amount`, `of` the total
    (where absent) or of each line.
    items_free: from `from_items` pieces on, the `free_items` cheapest pieces are free.
    gift: `quantity` pieces of `course` at 0; `list_price` is the price of one piece.
    rebate: `credit` goes to the student's balance `after` the payment or after the return window of
    `return_window_days`.
    """

    kind: Literal["amount_off", "percent_off", "items_free", "gift", "rebate"]
    amount: NotRequired[int]
    percent: NotRequired[int]
    max_amount: NotRequired[int]
    of: NotRequired[Literal["total", "lines"]]
    from_items: NotRequired[int]
    free_items: NotRequired[int]
    course: NotRequired[str]
    name: NotRequired[str]
    list_price: NotRequired[int]
    quantity: NotRequired[int]
    credit: NotRequired[Credit]
    after: NotRequired[Literal["payment", "return_window"]]
    return_window_days: NotRequired[int]


Deducts = Literal["goods", "shipping", "tax", "fee"]


class Threshold(TypedDict):
    """The least that the goods in scope must come to: `min_amount` in minor units, `min_quantity` in pieces.

    `counted` says which price counts: `before` other coupons (where absent), or `after` the coupons that
    are applied earlier.
    """

    min_amount: int
    min_quantity: NotRequired[int]
    counted: NotRequired[Literal["before", "after"]]


class Scope(TypedDict):
    """The lines that a coupon counts and takes from. Empty lists include every course.

    `sale_prices` false excludes lines that are sold below their list price.
    """

    courses: list[str]
    packages: list[str]
    except_courses: NotRequired[list[str]]
    except_packages: NotRequired[list[str]]
    sale_prices: NotRequired[bool]


# `class` is a keyword.
Stacking = TypedDict(
    "Stacking",
    {
        "class": Literal["product", "order", "shipping"],
        "combines_with": list[Literal["product", "order", "shipping"]],
    },
)


class Returns(TypedDict):
    """The state of a coupon after its order is cancelled or refunded: given `back`, or `kept` as used.

    `broken_threshold`: whether a partial refund that falls below the threshold charges the discount back.
    """

    after_cancel: Literal["back", "kept"]
    after_refund: Literal["back", "kept"]
    after_partial_refund: Literal["back", "kept"]
    broken_threshold: Literal["keep", "charge_back"]


class ReturnsForm(TypedDict, total=False):
    """`Returns` in a request; the server fills in what is absent."""

    after_cancel: Literal["back", "kept"]
    after_refund: Literal["back", "kept"]
    after_partial_refund: Literal["back", "kept"]
    broken_threshold: Literal["keep", "charge_back"]


# `from` is a keyword.
Validity = TypedDict(
    "Validity",
    {
        "kind": Literal["fixed", "relative"],
        "from": NotRequired[str],
        "until": NotRequired[str],
        "seconds": NotRequired[int],
        "cap_at_batch_end": NotRequired[bool],
        "wait_seconds": NotRequired[int],
    },
)


class Style(TypedDict, total=False):
    """The look of the coupon card: a CSS colour, and the URL of an image."""

    colour: str
    image: str


class TemplateForm(TypedDict):
    """The body that creates or replaces a template."""

    name: str
    description: str
    currency: str
    discount: Discount
    threshold: Threshold
    scope: Scope
    validity: Validity
    deducts: NotRequired[list[Deducts]]
    stacking: NotRequired[Stacking]
    uses_per_student: NotRequired[int]
    returns: NotRequired[ReturnsForm]
    style: NotRequired[Style]
    use_url: NotRequired[str]
    metadata: NotRequired[dict[str, str]]


class Template(TypedDict):
    """One version of a template. A version never changes; a replacement makes the next one."""

    id: str
    version: int
    name: str
    description: str
    currency: str
    discount: Discount
    threshold: Threshold
    scope: Scope
    validity: Validity
    deducts: list[Deducts]
    stacking: Stacking
    uses_per_student: NotRequired[int]
    returns: Returns
    style: NotRequired[Style]
    use_url: NotRequired[str]
    metadata: dict[str, str]
    created_at: str


class Templates(TypedDict):
    """A page of templates. `next` is null on the last page."""

    templates: list[Template]
    next: str | None
