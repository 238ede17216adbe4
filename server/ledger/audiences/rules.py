"""A rule as one SQL condition on `students`.

Called by ledger/audiences/audiences.py, which asks it of everybody, and by triggers, which ask it of a few.
Each fact is read by an index: the facts of the last 30 days from the rows of these days alone, never from
all that there was.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    and_,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    union_all,
)

from server.core.audiences.rules import RECENT_DAYS, Condition, Group, Op, Quantifier
from server.core.audiences.student_events import StudentEventType
from server.core.audiences.students import fact_columns, instant_of
from server.ids import lowest_id
from server.ledger.tables import (
    coupons,
    redemption_coupons,
    redemptions,
    refunds,
    student_days,
    student_facts,
    student_interests,
    student_tags,
    students,
)

DAY_MS: Final = 24 * 3600 * 1000
# A coupon's id is made a moment before or after its row says that it was.
_ID_MARGIN_MS: Final = 3600 * 1000
_PAID: Final = redemptions.c.state == literal("redeemed", literal_execute=True)
Chosen = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment at which a rule is asked: `now` in ms, `today` the number of the school's date."""

    now: int
    today: int

    @property
    def recent(self) -> int:
        return self.now - RECENT_DAYS * DAY_MS


def clause_of(rule: Group, moment: Moment) -> ColumnElement[bool]:
    """Return the condition under which a row of `students` fulfils the rule."""
    parts = [
        condition_clause(item, moment) if isinstance(item, Condition) else clause_of(item, moment)
        for item in rule.items
    ]
    return and_(*parts) if rule.quantifier is Quantifier.ALL else or_(*parts)


def condition_clause(condition: Condition, moment: Moment) -> ColumnElement[bool]:
    """Return one condition of a rule that was found good."""
    if condition.fact.startswith("facts."):
        return _own_fact(condition, moment)
    return _CLAUSES[condition.fact](condition, moment)


def _is_in(chosen: Chosen) -> ColumnElement[bool]:
    return students.c.id.in_(chosen)


def _instant(condition: Condition) -> int:
    instant = instant_of(cast(str, condition.value))
    assert instant is not None  # checked when the rule was written
    return instant


def _since(condition: Condition, moment: Moment) -> int:
    return moment.now - cast(int, condition.value) * DAY_MS


def _compared_time(
    column: Column[int], condition: Condition, moment: Moment
) -> ColumnElement[bool]:
    match condition.op:
        case Op.AT_LEAST:
            return column >= _instant(condition)
        case Op.AT_MOST:
            return column <= _instant(condition)
        case Op.WITHIN_DAYS:
            return column >= _since(condition, moment)
        case _:
            return column < _since(condition, moment)


def _time(column: Column[int]) -> Callable[[Condition, Moment], ColumnElement[bool]]:
    return lambda condition, moment: _compared_time(column, condition, moment)


def _last_seen(condition: Condition, moment: Moment) -> ColumnElement[bool]:
    """Compare when a student was seen last. Who was never seen is not within any days."""
    clause = _compared_time(students.c.last_seen, condition, moment)
    never = students.c.last_seen.is_(None)
    return or_(clause, never) if condition.op is Op.NOT_WITHIN_DAYS else clause


def _values(condition: Condition) -> list[Any]:
    value = condition.value
    return list(value) if isinstance(value, list) else [value]


def _tag(condition: Condition, _moment: Moment) -> ColumnElement[bool]:
    has_it = select(student_tags.c.student).where(student_tags.c.tag.in_(_values(condition)))
    return _is_in(has_it)


def _interested(condition: Condition, moment: Moment) -> ColumnElement[bool]:
    looked = select(student_interests.c.student).where(
        student_interests.c.course.in_(_values(condition)),
        student_interests.c.last_at >= moment.recent,
    )
    return _is_in(looked)


def _lessons(condition: Condition, _moment: Moment) -> ColumnElement[bool]:
    return _compare(students.c.lessons_done, condition)


def _compare(column: ColumnElement[Any], condition: Condition) -> ColumnElement[bool]:
    match condition.op:
        case Op.AT_LEAST:
            return column >= condition.value
        case Op.AT_MOST:
            return column <= condition.value
        case _:
            return column == condition.value


def _sum_clause(
    condition: Condition, grouped: Chosen, total: ColumnElement[Any]
) -> ColumnElement[bool]:
    """Compare a sum over rows. Who has no rows has 0 and is in no group, so small sums are asked the other
    way round: who has more is not in.
    """
    value = cast(int, condition.value)
    if condition.op is Op.AT_LEAST:
        return _is_in(grouped.having(total >= value)) if value > 0 else literal(value=True)
    if condition.op is Op.AT_MOST:
        return not_(_is_in(grouped.having(total > value)))
    if value > 0:
        return _is_in(grouped.having(total == value))
    return not_(_is_in(grouped.having(total > 0)))


def _orders(condition: Condition, moment: Moment) -> ColumnElement[bool]:
    paid = select(redemptions.c.student).where(_PAID, redemptions.c.paid_at >= moment.recent)
    return _sum_clause(condition, paid.group_by(redemptions.c.student), func.count())


def _spent(condition: Condition, moment: Moment) -> ColumnElement[bool]:
    """Sum what a student paid, less what came back, in each currency: one of them has to fulfil it."""
    came_back = (
        select(func.coalesce(func.max(refunds.c.total), 0))
        .where(refunds.c.redemption_id == redemptions.c.id)
        .scalar_subquery()
    )
    paid = (
        select(
            redemptions.c.student,
            redemptions.c.currency,
            (redemptions.c.payable - came_back).label("net"),
        )
        .where(_PAID, redemptions.c.paid_at >= moment.recent)
        .subquery()
    )
    grouped = select(paid.c.student).group_by(paid.c.student, paid.c.currency)
    return _sum_clause(condition, grouped, func.sum(paid.c.net))


def _used(condition: Condition, moment: Moment) -> ColumnElement[bool]:
    is_used = (coupons.c.state == "redeemed") & (coupons.c.redemption_id == redemptions.c.id)
    used = (
        select(redemptions.c.student)
        .join(redemption_coupons, redemption_coupons.c.redemption_id == redemptions.c.id)
        .join(coupons, coupons.c.id == redemption_coupons.c.coupon_id)
        .where(_PAID, redemptions.c.paid_at >= moment.recent, is_used)
    )
    return _sum_clause(condition, used.group_by(redemptions.c.student), func.count())


def _claimed(condition: Condition, moment: Moment) -> ColumnElement[bool]:
    """Count what a student took: by a tap, or by typing a code. What was given without a tap is neither.

    Ids of coupons begin with their time, so the primary key finds those of the last days.
    """
    taps = select(coupons.c.student).where(
        coupons.c.id >= lowest_id("cpn", moment.recent - _ID_MARGIN_MS),
        coupons.c.created_at >= moment.recent,
        coupons.c.claim_id.is_not(None),
        coupons.c.state != "revoked",
    )
    typed = select(coupons.c.student).where(coupons.c.bound_at >= moment.recent)
    both = union_all(taps, typed).subquery()
    grouped = select(both.c.student).where(both.c.student.is_not(None)).group_by(both.c.student)
    return _sum_clause(condition, grouped, func.count())


def _streak(condition: Condition, moment: Moment) -> ColumnElement[bool]:
    """Ask for so many dates in a row with a lesson, up to today or yesterday."""
    days = cast(int, condition.value)
    if condition.op is Op.AT_LEAST:
        return _has_streak(days, moment)
    longer = not_(_has_streak(days + 1, moment))
    return longer if condition.op is Op.AT_MOST else and_(_has_streak(days, moment), longer)


def _has_streak(days: int, moment: Moment) -> ColumnElement[bool]:
    def until(last: int) -> ColumnElement[bool]:
        found = select(student_days.c.student).where(
            student_days.c.kind == StudentEventType.LESSON_FINISHED.value,
            student_days.c.day.between(last - days + 1, last),
        )
        return _is_in(found.group_by(student_days.c.student).having(func.count() == days))

    return or_(until(moment.today), until(moment.today - 1))


def _own_fact(condition: Condition, moment: Moment) -> ColumnElement[bool]:
    """Compare a fact of the school's own. Who has no such fact fulfils no condition on it."""
    named = select(student_facts.c.student).where(
        student_facts.c.name == condition.fact.removeprefix("facts.")
    )
    return _is_in(named.where(_own_clause(condition, moment)))


def _own_clause(condition: Condition, moment: Moment) -> ColumnElement[bool]:
    value = condition.value
    if condition.op in (Op.EQUAL, Op.IN):
        return _equals_one(_values(condition))
    if isinstance(value, str) or condition.op in (Op.WITHIN_DAYS, Op.NOT_WITHIN_DAYS):
        return _compared_time(student_facts.c.at, condition, moment)
    return _compare(student_facts.c.number, condition)


def _equals_one(values: Sequence[Any]) -> ColumnElement[bool]:
    columns = [fact_columns(value) for value in values]
    numbers = [each.number for each in columns if each.number is not None]
    texts = [each.text for each in columns if each.text is not None]
    return or_(
        false(),
        *([student_facts.c.number.in_(numbers)] if numbers else ()),
        *([student_facts.c.text.in_(texts)] if texts else ()),
    )


_CLAUSES: Final[Mapping[str, Callable[[Condition, Moment], ColumnElement[bool]]]] = {
    "first_seen": _time(students.c.first_seen),
    "last_seen": _last_seen,
    "registered_at": _time(students.c.registered_at),
    "tag": _tag,
    "orders_30d": _orders,
    "spent_30d": _spent,
    "claimed_30d": _claimed,
    "used_30d": _used,
    "lessons_done": _lessons,
    "streak": _streak,
    "interested": _interested,
}
