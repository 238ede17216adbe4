"""Campaigns: why coupons go out, when, and how much of it there is.

Made by flows from what an operator sent, and by the ledger from rows. The rules are used by
flows/promotions/campaigns.py (the campaign itself) and flows/promotions/batches.py (what belongs to it).
Instants are ms UTC, money minor units. The budgets are moved by ledger/promotions/budgets.py alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from server.core.money import MAX_MINOR
from server.core.promotions.batches import ClaimWindow
from server.core.promotions.template_rules import (
    MAX_INSTANT,
    MAX_NAME,
    amount_violations,
    currency_violations,
    metadata_violations,
    text_violations,
)
from server.core.promotions.templates import Template
from server.core.refusals import Refused, invalid_field
from server.core.violations import Violation

MAX_PURPOSE: Final = 200
MAX_PIECES: Final = 1_000_000_000
MAX_PER_STUDENT: Final = 100
MAX_PHASES: Final = 50
# Percent of a budget that is exposed or settled. Each level is reported once.
WARNING_LEVELS: Final = (50, 80, 100)


class BudgetKind(StrEnum):
    """`money`: what coupons may take off, in minor units. `pieces`: how many coupons go out."""

    MONEY = "money"
    PIECES = "pieces"


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of its currency."""

    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Phase:
    """A named part of a campaign's time, [from_at, until_at)."""

    name: str
    from_at: int
    until_at: int


@dataclass(frozen=True, slots=True)
class CampaignForm:
    """A campaign as an operator writes it; it lasts [starts_at, ends_at). `per_student`: claims over all
    its batches."""

    name: str
    purpose: str
    starts_at: int
    ends_at: int
    money: Money | None = None
    pieces: int | None = None
    phases: tuple[Phase, ...] = ()
    per_student: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Budget:
    """One budget of a campaign: amount = free + exposed + settled, at every commit.

    `exposed` counts coupons that were allotted or issued and not used yet, at their greatest discount.
    `warnings`: level -> when it was first reached. `free` is negative only if a coupon was used after its
    part had been given back (decision 0021).
    """

    kind: BudgetKind
    amount: int
    currency: str | None
    free: int
    exposed: int
    settled: int
    warnings: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign. `version` counts its edits (core/promotions/campaign_edits.py) and the raises of its
    budgets. Its batches have a copy of `per_student`, which follows it."""

    id: str
    name: str
    purpose: str
    starts_at: int
    ends_at: int
    phases: tuple[Phase, ...]
    per_student: int | None
    metadata: Mapping[str, str]
    created_by: str
    created_at: int
    budgets: tuple[Budget, ...] = ()
    version: int = 1

    def budget(self, kind: BudgetKind) -> Budget | None:
        return next((one for one in self.budgets if one.kind is kind), None)

    def phase_at(self, now: int) -> Phase | None:
        return next((one for one in self.phases if one.from_at <= now < one.until_at), None)


def levels_crossed(amount: int, before: int, after: int) -> list[int]:
    """Return the warning levels that lie between what was taken before and what is taken now."""
    # Percent without a division: level * amount / 100 lies in (before, after].
    return [level for level in WARNING_LEVELS if before * 100 < level * amount <= after * 100]


def violations(form: CampaignForm) -> list[Violation]:
    """Return everything that is wrong with the form, in the order of its fields; empty if it is good."""
    return [
        *text_violations("name", form.name.strip(), MAX_NAME),
        *text_violations("purpose", form.purpose.strip(), MAX_PURPOSE),
        *_window("", form.starts_at, form.ends_at, ("starts_at", "ends_at")),
        *_money(form.money),
        *_optional_count("budget.pieces", form.pieces, MAX_PIECES),
        *_phases(form),
        *_optional_count("per_student", form.per_student, MAX_PER_STUDENT),
        *metadata_violations("metadata", form.metadata),
    ]


def batch_refusal(
    campaign: Campaign, template: Template, greatest: int | None, window: ClaimWindow | None
) -> Refused | None:
    """Return why a batch of this template with this claim window may not belong to the campaign; None if it
    may. `greatest`: the most that one of its coupons takes off."""
    money = campaign.budget(BudgetKind.MONEY)
    if money is not None and money.currency != template.currency:
        return invalid_field(
            "template_id", "wrong_currency", "the campaign's budget is in another currency"
        )
    if money is not None and greatest is None:
        return invalid_field(
            "template_id", "unbounded", "a money budget needs a greatest discount: set max_amount"
        )
    if window is None:
        return None
    if window.from_at < campaign.starts_at:
        return invalid_field("claim_window.from", "outside_campaign")
    if window.until_at > campaign.ends_at:
        return invalid_field("claim_window.until", "outside_campaign")
    return None


def _optional_count(name: str, count: int | None, most: int) -> Iterator[Violation]:
    if count is not None:
        yield from amount_violations(name, count, 1, most)


def _window(where: str, begins: int, ends: int, names: tuple[str, str]) -> Iterator[Violation]:
    yield from amount_violations(where + names[0], begins, 0, MAX_INSTANT)
    yield from amount_violations(where + names[1], ends, 0, MAX_INSTANT)
    if begins >= ends:
        yield Violation(where + names[1], "empty_window")


def _money(money: Money | None) -> Iterator[Violation]:
    if money is not None:
        yield from amount_violations("budget.money.amount", money.amount, 1, MAX_MINOR)
        yield from currency_violations("budget.money.currency", money.currency)


def _phases(form: CampaignForm) -> Iterator[Violation]:
    """Yield what is wrong with the phases. They are in the order of time, each within the campaign, so that
    there is at most one at any moment."""
    if len(form.phases) > MAX_PHASES:
        yield Violation("phases", "too_many")
        return
    seen: set[str] = set()
    last = form.starts_at
    for number, phase in enumerate(form.phases):
        where = f"phases.{number}."
        yield from text_violations(where + "name", phase.name.strip(), MAX_NAME)
        if phase.name in seen:
            yield Violation(where + "name", "duplicate")
        seen.add(phase.name)
        yield from _window(where, phase.from_at, phase.until_at, ("from", "until"))
        if phase.from_at < last:
            is_early = phase.from_at < form.starts_at
            yield Violation(where + "from", "outside_campaign" if is_early else "overlaps")
        if phase.until_at > form.ends_at:
            yield Violation(where + "until", "outside_campaign")
        last = max(last, phase.until_at)
