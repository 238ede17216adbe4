"""Make, end and show price rules, and hold batches and drops against them before they are made.

Called by the API for operators, and by the flows that make and edit batches and make drops. What was there
before a rule stays: batches, and drops that are prepared. A batch that an operator lets break the rules may
be dropped as it is.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.promotions.batches import Batch
from server.core.promotions.price_rules import (
    DAY_MS,
    MAX_RULES,
    PERIOD_DAYS,
    CourseOffer,
    PriceRule,
    days_around,
    days_on_offer,
    price_refusal,
    window_of,
)
from server.core.promotions.template_rules import metadata_violations
from server.core.promotions.templates import Template
from server.core.refusals import Code, Refused
from server.core.violations import refused
from server.flows.abort import Abort, abort_if, returns_refusal
from server.flows.idempotency import find_previous_result
from server.ledger import acts
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey
from server.ledger.promotions import price_rules as rows
from server.ledger.promotions.price_rules import CourseSales


@dataclass(frozen=True, slots=True)
class CourseFigures:
    """A course in the last 30 days, today included."""

    course: str
    days_on_offer: int
    sales: list[CourseSales]


@returns_refusal
async def make_rule(
    ledger: Ledger, rule: PriceRule, key: IdempotencyKey | None, now: int
) -> PriceRule | Refused:
    """Make the rule; `invalid_field`, `too_many` where there are MAX_RULES. The same `key` makes one."""
    broken = [*metadata_violations("metadata", rule.metadata)]
    abort_if(refused(broken) if broken else None)
    async with ledger.begin() as conn:
        earlier = await find_previous_result(conn, key, rule.id, now)
        if earlier is not None:
            return await rows.find(conn, earlier) or Refused(Code.NOT_FOUND)
        if len(await rows.page(conn, None, MAX_RULES)) == MAX_RULES:
            raise Abort(Refused(Code.TOO_MANY, f"there are {MAX_RULES} price rules"))
        await rows.insert_rule(conn, rule)
        of = list(rule.courses)
        await acts.write_act(
            conn, rule.created_by, Action.PRICE_RULE_MADE, rule.id, now, courses=of
        )
    return rule


@returns_refusal
async def end_rule(
    ledger: Ledger, actor: str, rule_id: str, now: int, reason: str = ""
) -> PriceRule | Refused:
    """End the rule and return it as it was; not_found. The act keeps the `reason`, if any."""
    async with ledger.begin() as conn:
        rule = await rows.find(conn, rule_id)
        if rule is None or not await rows.remove(conn, rule_id):
            raise Abort(Refused(Code.NOT_FOUND))
        what = {"reason": reason} if reason else {}
        await acts.write_act(conn, actor, Action.PRICE_RULE_ENDED, rule_id, now, **what)
    return rule


async def list_rules(ledger: Ledger, after: str | None, limit: int) -> list[PriceRule]:
    """Return a page of rules, newest first, from behind the rule `after`."""
    async with ledger.read() as conn:
        return await rows.page(conn, after, limit)


async def show_rule(
    ledger: Ledger, rule_id: str, now: int
) -> tuple[PriceRule, list[CourseFigures]] | Refused:
    """Return the rule and the figures of its courses; not_found."""
    from_day = now // DAY_MS - PERIOD_DAYS + 1
    async with ledger.read() as conn:
        rule = await rows.find(conn, rule_id)
        if rule is None:
            return Refused(Code.NOT_FOUND)
        offers = await rows.offers_near(conn, from_day * DAY_MS, now)
        since = datetime.fromtimestamp(from_day * DAY_MS / 1000, UTC).date().isoformat()
        sales = await rows.sales_of(conn, rule.courses, since)
    return rule, [
        CourseFigures(
            course,
            days_on_offer([one.window for one in offers if one.is_about(course)], from_day),
            sales.get(course, []),
        )
        for course in rule.courses
    ]


@dataclass(frozen=True, slots=True)
class Override:
    """An operator's reason, if there is one, to let something break the rules; `actor` makes that thing."""

    actor: str
    reason: str | None = None


async def check_batch(
    conn: AsyncConnection, batch: Batch, template: Template, override: Override, now: int
) -> Refused | None:
    """Abort(price_rule) where the batch, as it is to be, breaks a rule and there is no override.

    Return what is overridden, for `note_override` once the batch is there; None where no rule is broken.
    """
    window = window_of(batch.claim_window, batch.created_at)
    found = await _broken(conn, CourseOffer(window, template), but=batch.id)
    abort_if(found if override.reason is None else None)
    return found


async def note_override(
    conn: AsyncConnection, batch_id: str, found: Refused | None, override: Override, now: int
) -> None:
    """Write the act of an override of what `check_batch` found, and that drops of the batch need none."""
    if found is None or override.reason is None:
        return
    await rows.write_override(conn, batch_id, override.reason, override.actor, now)
    await _write_act(conn, batch_id, found, override, now)


class DropOffer(NamedTuple):
    """The courses and prices that a drop of the batch offers."""

    id: str
    batch_id: str
    offer: CourseOffer


async def check_drop(
    conn: AsyncConnection, rules: list[PriceRule], drop: DropOffer, override: Override, now: int
) -> None:
    """Abort(price_rule) where a drop of the batch breaks one of the rules, unless it or its batch is
    overridden. The override of a drop is written as an act.
    """
    if not rules:
        return
    found = await _broken(conn, drop.offer, rules=rules)
    if found is None or await rows.is_overridden(conn, drop.batch_id):
        return
    abort_if(found if override.reason is None else None)
    await _write_act(conn, drop.id, found, override, now)


async def _broken(
    conn: AsyncConnection,
    offer: CourseOffer,
    *,
    but: str | None = None,
    rules: list[PriceRule] | None = None,
) -> Refused | None:
    rules = await rows.page(conn, None, MAX_RULES) if rules is None else rules
    if not rules:
        return None
    around = days_around(rules) * DAY_MS
    window = offer.window
    others = await rows.offers_near(conn, window.from_at - around, window.until_at + around, but)
    return price_refusal(rules, offer, others)


async def _write_act(
    conn: AsyncConnection, subject: str, found: Refused, override: Override, now: int
) -> None:
    facts = dict(found.facts) | {"reason": override.reason}
    action = Action.PRICE_RULE_OVERRIDDEN
    await acts.write_act(conn, override.actor, action, subject, now, **facts)
