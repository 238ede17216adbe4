"""Triggers: coupons that students get when something happens; what may be asked for, and when one fires.

Made by flows/events/triggers.py from what an operator sent. flows/events/fire_triggers.py asks the rules
below for each event. A trigger is versioned: what has fired keeps its coupon, and an edit reaches only later
events.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from server.core.audiences.rules import (
    AMOUNT,
    OWN,
    STREAK,
    Comparisons,
    Condition,
    Op,
    comparisons_of,
    conditions_of,
    rule_of,
    rule_violations,
)
from server.core.audiences.student_events import is_known_type
from server.core.audiences.students import instant_of
from server.core.event_types import EventType
from server.core.promotions.template_rules import amount_violations, metadata_violations
from server.core.violations import Violation

MAX_PER_STUDENT: Final = 100
MAX_TOTAL: Final = 10**9
IGNORE_OLDER_THAN_S: Final = 48 * 3600
MAX_IGNORE_S: Final = 30 * 24 * 3600
MAX_DRY_RUN_DAYS: Final = 30
# What a student does in the shop. What a coupon causes by itself is not here: a trigger would feed itself.
ORDER_TYPES: Final = frozenset({EventType.REDEMPTION_REDEEMED, EventType.REDEMPTION_REFUNDED})
_DATA_OPS: Final = (Op.AT_LEAST, Op.AT_MOST, Op.EQUAL, Op.IN)
_DATA: Final[Comparisons] = {op: OWN[op] for op in _DATA_OPS}
_REACHED: Final = {
    "spent": {Op.AT_LEAST: AMOUNT[Op.AT_LEAST]},
    "streak": {Op.AT_LEAST: STREAK[Op.AT_LEAST]},
}


class TriggerState(StrEnum):
    """The state of a trigger. `ended`: its window is over or its total is reached; it never fires again."""

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a trigger fires: for each student, on each of the school's days, ever."""

    per_student: int
    per_day: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class TriggerForm:
    """A trigger as an operator writes it. `event` is the type of a student event, or one of ORDER_TYPES; the
    window is [from, until) of the event's own time (ms), None: open.
    """

    name: str
    event: str
    batch_id: str | None
    pack_id: str | None
    limits: Limits
    conditions: Mapping[str, Any] | None = None
    from_at: int | None = None
    until_at: int | None = None
    ignore_older_than_s: int = IGNORE_OLDER_THAN_S
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A trigger as it stands. `fired` counts its firings.

    It hears of events behind number `live_from`; while it catches up, also of those from `catch_up_from` on.
    `paused_seq`: how far it had come when it was paused.
    """

    id: str
    version: int
    state: TriggerState
    form: TriggerForm
    created_at: int
    fired: int = 0
    live_from: int = 0
    catch_up_from: int | None = None
    paused_seq: int | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of the log as triggers see it. `at` is when it happened (ms), by the school's clock where the
    school told of it; `name` its id there.
    """

    seq: int
    id: str
    type: str
    student: str
    at: int
    name: str
    data: Mapping[str, Any]


class LoggedEvent(Protocol):
    """An event of the log, as ledger/event_log.py reads it."""

    @property
    def seq(self) -> int: ...
    @property
    def id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def at(self) -> int: ...
    @property
    def subject(self) -> str: ...
    @property
    def student(self) -> str | None: ...


def happening_of(event: LoggedEvent, data: Mapping[str, Any]) -> Happening | None:
    """Return what a trigger may wait for; None for every other event. `data` are those of the event."""
    if event.student is None:
        return None
    if event.type == EventType.STUDENT_EVENT:
        told = instant_of(str(data["at"]))
        inner = data.get("data") or {}
        type_, at = str(data["type"]), event.at if told is None else told
        return Happening(event.seq, event.id, type_, event.student, at, event.subject, inner)
    if event.type in ORDER_TYPES:
        order = (event.student, event.at, event.subject, data)
        return Happening(event.seq, event.id, event.type, *order)
    return None


# --- what may be asked for ------------------------------------------------------------------------


def known_facts(event: str) -> Callable[[str], Comparisons | None]:
    """Return which facts the conditions of a trigger on this event may name."""

    def known(fact: str) -> Comparisons | None:
        if fact.startswith("data."):
            return _DATA
        if fact == "spent":
            return _REACHED["spent"] if event == EventType.REDEMPTION_REDEEMED else None
        if fact == "streak":
            return None if event in ORDER_TYPES else _REACHED["streak"]
        return comparisons_of(fact)

    return known


def form_violations(form: TriggerForm) -> Iterator[Violation]:
    """Yield everything that is wrong with the form itself."""
    yield from _event_violations(form.event)
    if (form.batch_id is None) == (form.pack_id is None):
        yield Violation("then", "one_of_batch_and_pack")
    if form.conditions is not None:
        yield from rule_violations(form.conditions, "when.conditions", known_facts(form.event))
    limits = form.limits
    yield from amount_violations("limits.per_student", limits.per_student, 1, MAX_PER_STUDENT)
    for name, most in (("per_day", limits.per_day), ("total", limits.total)):
        if most is not None:
            yield from amount_violations(f"limits.{name}", most, 1, MAX_TOTAL)
    yield from amount_violations(
        "ignore_older_than_seconds", form.ignore_older_than_s, 60, MAX_IGNORE_S
    )
    if form.from_at is not None and form.until_at is not None and form.from_at >= form.until_at:
        yield Violation("window.until", "not_after_from")
    yield from metadata_violations("metadata", form.metadata)


def _event_violations(event: str) -> Iterator[Violation]:
    if is_known_type(event) or event in ORDER_TYPES:
        return
    yield Violation("when.event", "loop" if event in set(EventType) else "unknown_value")


# --- whether one fires ----------------------------------------------------------------------------


def waits_for(trigger: Trigger, happening: Happening, now: int | None) -> bool:
    """Return whether the event is of the trigger's type, in its window and young enough. `now` None: of any
    age.
    """
    form = trigger.form
    if happening.type != form.event:
        return False
    if now is not None and now - happening.at > form.ignore_older_than_s * 1000:
        return False
    return (form.from_at is None or form.from_at <= happening.at) and (
        form.until_at is None or happening.at < form.until_at
    )


def conditions_in(form: TriggerForm) -> list[Condition]:
    """Return the conditions of the trigger, in their order; none where it has none."""
    return [] if form.conditions is None else list(conditions_of(rule_of(form.conditions)))


def is_met_by(condition: Condition, data: Mapping[str, Any]) -> bool:
    """Return whether a condition on the event's own data holds. What is missing or of another kind fulfils
    none.
    """
    value: Any = data
    for part in condition.fact.removeprefix("data.").split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    wanted = condition.value
    if condition.op is Op.EQUAL:
        return _is_equal(value, wanted)
    if condition.op is Op.IN:
        return any(_is_equal(value, one) for one in wanted)  # type: ignore[union-attr]
    have, want = _ordered(value), _ordered(wanted)
    if have is None or want is None:
        return False
    return have >= want if condition.op is Op.AT_LEAST else have <= want


def _is_equal(value: object, wanted: object) -> bool:
    return value == wanted and isinstance(value, bool) == isinstance(wanted, bool)


def _ordered(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    return instant_of(value) if isinstance(value, str) else None


def crosses(before: int, after: int, wanted: int) -> bool:
    """Return whether a sum reaches what is wanted with this step: once for each time that it does."""
    return before < wanted <= after


def completes_streak(days: Sequence[int], day: int, wanted: int) -> bool:
    """Return whether `day` completes so many dates in a row among `days`, none of whose runs had that length
    without it. A late event may close a gap.
    """
    there = set(days) - {day}
    left = next(n for n in range(len(there) + 1) if day - n - 1 not in there)
    right = next(n for n in range(len(there) + 1) if day + n + 1 not in there)
    return left < wanted and right < wanted and left + 1 + right >= wanted


@dataclass(slots=True)
class RemainingFirings:
    """The firings that a trigger still has: ever, and on each day. None: without a limit."""

    total: int | None
    per_student: int
    per_day: int | None
    fired_on: dict[int, int]
    fired_for: dict[str, int]

    def take(self, student: str, day: int) -> int | None:
        """Return which firing of this student it is, 1, 2, …, and count it; None where a limit is reached."""
        for_them, on_day = self.fired_for.get(student, 0), self.fired_on.get(day, 0)
        is_over = self.total is not None and self.total <= 0
        is_over |= self.per_day is not None and on_day >= self.per_day
        if is_over or for_them >= self.per_student:
            return None
        self.total = None if self.total is None else self.total - 1
        self.fired_on[day], self.fired_for[student] = on_day + 1, for_them + 1
        return for_them + 1
