"""Price rules: how often, for how long and how deep a course may be sold below its list price."""

from typing import NotRequired, TypedDict


class PriceRuleForm(TypedDict):
    """Limits for each of the courses, at least one. `max_days_on_offer`: in any 30 days."""

    courses: list[str]
    max_days_on_offer: NotRequired[int | None]
    min_days_between: NotRequired[int | None]
    max_depth_percent: NotRequired[int | None]
    metadata: NotRequired[dict[str, str] | None]


class PriceRule(TypedDict):
    """A price rule. It is never changed, only ended."""

    id: str
    courses: list[str]
    max_days_on_offer: NotRequired[int]
    min_days_between: NotRequired[int]
    max_depth_percent: NotRequired[int]
    metadata: dict[str, str]
    created_by: str
    created_at: str


class CourseSales(TypedDict):
    """Pieces sold, those below the list price, and the lowest price paid for one, in minor units."""

    currency: str
    pieces: int
    pieces_below: int
    lowest_price: int


class CourseFigures(TypedDict):
    """The last 30 days of a course."""

    course: str
    days_on_offer: int
    sales: list[CourseSales]


class PriceRuleFigures(PriceRule):
    """A price rule and the figures of each of its courses."""

    figures: list[CourseFigures]


class PriceRules(TypedDict):
    """A page of price rules, newest first. `next` is null on the last page."""

    price_rules: list[PriceRule]
    next: str | None
