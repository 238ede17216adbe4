"""Campaigns: why coupons go out, when, and for how much."""

from typing import NotRequired, TypedDict

from client_sdk.python.shapes.stops import Stop


class Money(TypedDict):
    """`amount` in minor units of `currency`."""

    amount: int
    currency: str


class BudgetForm(TypedDict, total=False):
    """The most that a campaign may cost, and the most coupons that it may give."""

    money: Money
    pieces: int


# `from` is a keyword.
Phase = TypedDict("Phase", {"name": str, "from": str, "until": str})


class CampaignForm(TypedDict):
    """The body that creates a campaign.

    `per_student` limits the claims of one student over all its batches.
    """

    name: str
    purpose: str
    starts_at: str
    ends_at: str
    budget: NotRequired[BudgetForm]
    phases: NotRequired[list[Phase]]
    per_student: NotRequired[int]
    metadata: NotRequired[dict[str, str]]


class CampaignEdit(TypedDict, total=False):
    """A change of a campaign.

    `budget` is written as a whole. Null takes all phases away; the budget or the limit only as long as the
    campaign has no batch.
    """

    name: str
    purpose: str
    starts_at: str
    ends_at: str
    budget: BudgetForm | None
    phases: list[Phase] | None
    per_student: int | None
    metadata: dict[str, str] | None


class BudgetWarning(TypedDict):
    """The time `at` which `level` percent of the budget was taken for the first time."""

    level: int
    at: str


class BudgetParts(TypedDict):
    """amount = free + exposed + settled.

    `exposed`: coupons that are out and not used, each at its greatest discount. `settled`: what was
    really taken off.
    """

    amount: int
    currency: NotRequired[str]
    free: int
    exposed: int
    settled: int
    warnings: list[BudgetWarning]


class Budget(TypedDict, total=False):
    """The budget in money, in coupons (`pieces`), or in both."""

    money: BudgetParts
    pieces: BudgetParts


class Campaign(TypedDict):
    """A campaign. `phase` is the name of the current phase; `stopped` is absent while nothing is stopped."""

    id: str
    version: int
    name: str
    purpose: str
    starts_at: str
    ends_at: str
    budget: NotRequired[Budget]
    phases: list[Phase]
    phase: NotRequired[str]
    per_student: NotRequired[int]
    stopped: NotRequired[Stop]
    metadata: dict[str, str]
    created_by: str
    created_at: str


class Campaigns(TypedDict):
    """A page of campaigns. `next` is null on the last page."""

    campaigns: list[Campaign]
    next: str | None
