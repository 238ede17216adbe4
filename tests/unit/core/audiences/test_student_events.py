"""Student events: which are accepted, and what each adds."""

from zoneinfo import ZoneInfo

import pytest

from server.core.audiences.student_events import (
    AHEAD_MS,
    Sighting,
    StudentEvent,
    StudentTotals,
    day_of,
    event_violations,
    first_of_each,
    is_known_type,
    seen,
    totals,
)
from server.core.violations import Violation


@pytest.mark.parametrize(
    ("type_", "known"),
    [
        ("signed_up", True),
        ("viewed_course", True),
        ("x.badge.gold", True),
        ("x.", False),
        ("x.a-b", False),
        ("coupon.confirmed", False),
    ],
)
def test_types_are_ours_or_the_schools_own(type_: str, known: bool) -> None:
    assert is_known_type(type_) is known


def test_violations_name_the_event() -> None:
    events = [StudentEvent("1", "y", "a", 0), StudentEvent("2", "x.y", "a", AHEAD_MS + 1)]
    assert list(event_violations(events, 0)) == [
        Violation("events.0.type", "unknown_value"),
        Violation("events.1.at", "in_future"),
    ]


def test_the_first_of_a_repeated_id_counts() -> None:
    first, second = StudentEvent("1", "x.a", "a", 0), StudentEvent("1", "x.b", "a", 0)
    assert first_of_each([first, second]) == [first]


@pytest.mark.parametrize(
    ("type_", "data", "course"),
    [
        ("viewed_course", {"course": "algebra"}, "algebra"),
        ("viewed_course", {}, None),
        ("viewed_course", {"course": 7}, None),
        ("viewed_course", {"course": ""}, None),
        ("logged_in", {"course": "algebra"}, None),
    ],
)
def test_only_a_view_has_a_course(type_: str, data: dict[str, object], course: str | None) -> None:
    assert StudentEvent("1", type_, "a", 0, data).course == course


def test_a_day_is_the_schools_date() -> None:
    at = 1_767_225_600_000 - 1  # a millisecond before 2026 in UTC
    assert day_of(at, ZoneInfo("Asia/Shanghai")) - day_of(at, ZoneInfo("UTC")) == 1


def test_totals_are_by_student_and_never_ahead_of_now() -> None:
    events = [
        StudentEvent("1", "lesson_finished", "b", 5),
        StudentEvent("2", "signed_up", "a", 9),
        StudentEvent("3", "signed_up", "a", 3),
        StudentEvent("4", "lesson_finished", "b", 50),
    ]
    found = totals(events, now=10)
    assert list(found) == ["a", "b"]
    assert found == {"a": StudentTotals(3, 9, 3, 0), "b": StudentTotals(5, 10, None, 2)}


def test_students_are_seen_and_only_their_own_doing_is_their_last() -> None:
    sightings = [
        Sighting("b", 5, is_own=True),
        Sighting("a", 4, is_own=False),
        Sighting("b", 9, is_own=True),
        Sighting("b", 3, is_own=False),
        Sighting("b", 7, is_own=True),
    ]
    found = seen(sightings)
    assert list(found) == ["a", "b"]
    assert found == {"a": StudentTotals(4, None), "b": StudentTotals(3, 9)}
