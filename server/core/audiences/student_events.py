"""Student events: what a school tells of its students, and what each adds to the facts about them.

Accepted by flows/audiences/student_events.py. The types without `x.` have a meaning to us; the others are the
school's own, and triggers may wait for them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Final

from server.core.violations import Violation

MAX_EVENTS: Final = 500  # of one call
KEPT_MS: Final = 30 * 24 * 3600 * 1000  # so long a repeated id does nothing
AHEAD_MS: Final = 5 * 60 * 1000  # a clock of the school may be so far ahead of ours
OWN_TYPE: Final = re.compile(r"x\.[A-Za-z0-9_.]{1,60}")


class StudentEventType(StrEnum):
    """A type that means something to us."""

    SIGNED_UP = "signed_up"
    LOGGED_IN = "logged_in"
    LESSON_FINISHED = "lesson_finished"
    VIEWED_COURSE = "viewed_course"


@dataclass(frozen=True, slots=True)
class StudentEvent:
    """An event as the school sent it: `id` is the school's, `at` in ms. `data` are any JSON values; rules ask
    for the `course` of `viewed_course`."""

    id: str
    type: str
    student: str
    at: int
    data: Mapping[str, object] = field(default_factory=dict)

    @property
    def course(self) -> str | None:
        """The course that was looked at; None for any other event."""
        course = self.data.get("course")
        is_view = self.type == StudentEventType.VIEWED_COURSE
        return course if is_view and isinstance(course, str) and 0 < len(course) <= 64 else None


def is_known_type(type_: str) -> bool:
    """Return whether events of this type are accepted."""
    return type_ in set(StudentEventType) or OWN_TYPE.fullmatch(type_) is not None


def event_violations(events: Sequence[StudentEvent], now: int) -> Iterator[Violation]:
    """Yield the events whose type is not known, and those that are in the future."""
    for number, each in enumerate(events):
        if not is_known_type(each.type):
            yield Violation(f"events.{number}.type", "unknown_value")
        if each.at > now + AHEAD_MS:
            yield Violation(f"events.{number}.at", "in_future")


def first_of_each(events: Sequence[StudentEvent]) -> list[StudentEvent]:
    """Return the events without repetitions of an id within the call."""
    found: dict[str, StudentEvent] = {}
    for each in events:
        found.setdefault(each.id, each)
    return list(found.values())


def day_of(at: int, zone: tzinfo) -> int:
    """Return the number of the local date of an instant: 1 is 0001-01-01."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone).toordinal()


@dataclass(slots=True)
class StudentTotals:
    """Sums of the new events of one student, for their row. `last_at` None: they did none of it
    themselves."""

    first_at: int
    last_at: int | None
    registered_at: int | None = None
    lessons: int = 0


def totals(events: Sequence[StudentEvent], now: int) -> dict[str, StudentTotals]:
    """Return what the events add, for each student, in the order of their ids: rows are locked in one order.

    An instant that is a little ahead of ours counts as now.
    """
    found: dict[str, StudentTotals] = {}
    for each in sorted(events, key=lambda event: event.student):
        at = min(each.at, now)
        total = found.setdefault(each.student, StudentTotals(at, at))
        total.first_at, total.last_at = min(total.first_at, at), max(total.last_at or at, at)
        if each.type == StudentEventType.SIGNED_UP:
            total.registered_at = min(at, total.registered_at or at)
        if each.type == StudentEventType.LESSON_FINISHED:
            total.lessons += 1
    return found


@dataclass(frozen=True, slots=True)
class Sighting:
    """A student whom an event of ours names, at `at` (ms). `is_own`: they did it themselves."""

    student: str
    at: int
    is_own: bool


def seen(sightings: Sequence[Sighting]) -> dict[str, StudentTotals]:
    """Return when each student was seen, in the order of their ids."""
    found: dict[str, StudentTotals] = {}
    for each in sorted(sightings, key=lambda sighting: sighting.student):
        total = found.setdefault(each.student, StudentTotals(each.at, None))
        total.first_at = min(total.first_at, each.at)
        if each.is_own:
            total.last_at = max(total.last_at or each.at, each.at)
    return found
