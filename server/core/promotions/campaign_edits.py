"""Campaign edits: what of a campaign may still be changed, and what the campaign is then.

Used by flows/promotions/edit_campaign.py. Name, purpose, phases and metadata are free while the campaign
lasts. Its time may not leave out the time of a batch, its budgets may not fall below what is taken of them,
and its limit not below what a student holds. From its first batch on, which budgets there are, in which
currency, and whether there is a limit for each student stay as they are: coupons that were not counted would
be missing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Final

from server.core.promotions import campaigns
from server.core.promotions.campaigns import Budget, BudgetKind, Campaign, CampaignForm, Money
from server.core.refusals import Code, Refused
from server.core.violations import Violation, refused

_FIXED: Final = "fixed"
_BELOW_TAKEN: Final = "below_taken"


@dataclass(frozen=True, slots=True)
class CampaignEdit:
    """An operator's change. `changes` has the fields of CampaignForm that were sent; a value that is the same
    as now changes nothing."""

    expected_version: int
    changes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CampaignUse:
    """The bounds of what may change. `claims_from` and `claims_until`: from the first to the last claim
    window of its batches. `most_held`: the highest slot of it that a student has."""

    has_batches: bool = False
    claims_from: int | None = None
    claims_until: int | None = None
    most_held: int = 0


def form_of(campaign: Campaign) -> CampaignForm:
    """Return the campaign as an operator would write it now."""
    money, pieces = campaign.budget(BudgetKind.MONEY), campaign.budget(BudgetKind.PIECES)
    return CampaignForm(
        name=campaign.name,
        purpose=campaign.purpose,
        starts_at=campaign.starts_at,
        ends_at=campaign.ends_at,
        money=Money(money.amount, money.currency or "") if money is not None else None,
        pieces=pieces.amount if pieces is not None else None,
        phases=campaign.phases,
        per_student=campaign.per_student,
        metadata=campaign.metadata,
    )


def edited_form(campaign: Campaign, edit: CampaignEdit) -> CampaignForm:
    """Return the campaign as the edit would make it."""
    return replace(form_of(campaign), **edit.changes)  # type: ignore[arg-type]


def changed_fields(campaign: Campaign, form: CampaignForm) -> list[str]:
    """Return the names of the fields of CampaignForm in which the form differs from the campaign."""
    before = form_of(campaign)
    names = (one.name for one in fields(CampaignForm))
    return [name for name in names if getattr(before, name) != getattr(form, name)]


def refusal(campaign: Campaign, edit: CampaignEdit, use: CampaignUse, now: int) -> Refused | None:
    """Return why the edit is refused; None if it is legal.

    `wrong_state` where the campaign has ended, and, with the current `version`, where it has changed
    meanwhile; `invalid_field` with every field that may not be changed like that.
    """
    if now >= campaign.ends_at:
        return Refused(Code.WRONG_STATE, "the campaign has ended", {"state": "ended"})
    if edit.expected_version != campaign.version:
        detail = f"it is at version {campaign.version}"
        return Refused(Code.WRONG_STATE, detail, {"version": campaign.version})
    form = edited_form(campaign, edit)
    broken = [*_bound(campaign, form, use, now)]
    # A field that is reported once is not reported again by the rules for new campaigns.
    named = {violation.field for violation in broken}
    broken += [one for one in campaigns.violations(form) if one.field not in named]
    return refused(broken) if broken else None


def _bound(
    campaign: Campaign, form: CampaignForm, use: CampaignUse, now: int
) -> Iterator[Violation]:
    if form.starts_at != campaign.starts_at and _is_before(use.claims_from, form.starts_at):
        yield Violation("starts_at", "batch_outside")
    if form.ends_at != campaign.ends_at:
        yield from _end(form.ends_at, use, now)
    yield from _limit(campaign.per_student, form.per_student, use)
    yield from _money(campaign.budget(BudgetKind.MONEY), form.money, use)
    pieces = campaign.budget(BudgetKind.PIECES)
    if use.has_batches and (pieces is None) != (form.pieces is None):
        yield Violation("budget.pieces", _FIXED)
    elif pieces is not None and form.pieces is not None and _is_short(pieces, form.pieces):
        yield Violation("budget.pieces", _BELOW_TAKEN)


def _end(ends_at: int, use: CampaignUse, now: int) -> Iterator[Violation]:
    if ends_at <= now:
        yield Violation("ends_at", "past")
    elif _is_before(ends_at, use.claims_until):
        yield Violation("ends_at", "batch_outside")


def _limit(was: int | None, is_now: int | None, use: CampaignUse) -> Iterator[Violation]:
    if use.has_batches and (was is None) != (is_now is None):
        yield Violation("per_student", _FIXED)
    elif is_now is not None and is_now < use.most_held:
        yield Violation("per_student", "below_held")


def _money(was: Budget | None, is_now: Money | None, use: CampaignUse) -> Iterator[Violation]:
    if was is None or is_now is None:
        if use.has_batches and (was is None) != (is_now is None):
            yield Violation("budget.money", _FIXED)
        return
    if was.currency != is_now.currency:
        # What is taken is in the old one, so its first batch fixes it.
        if use.has_batches:
            yield Violation("budget.money.currency", _FIXED)
    elif _is_short(was, is_now.amount):
        yield Violation("budget.money.amount", _BELOW_TAKEN)


def _is_short(budget: Budget, amount: int) -> bool:
    """Return whether the budget becomes less, and less than what is taken of it."""
    return amount < budget.amount and amount < budget.exposed + budget.settled


def _is_before(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one < other
