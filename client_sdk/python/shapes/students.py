"""Students, and what the school tells of them."""

from typing import NotRequired, TypedDict


class StudentForm(TypedDict):
    """A student as the school describes them; what is left out stays as it is.

    `tags` replace those of before. Each of `facts` replaces the one of its name, and null takes it away.
    """

    id: str
    name: NotRequired[str]
    registered_at: NotRequired[str]
    tags: NotRequired[list[str]]
    facts: NotRequired[dict[str, str | float | bool | None]]


class Upserted(TypedDict):
    """The number of students that were taken over."""

    upserted: int


class Student(TypedDict):
    """A student who is known. `last_seen`: their latest claim, payment or event."""

    id: str
    name: NotRequired[str]
    tags: list[str]
    registered_at: NotRequired[str]
    first_seen: str
    last_seen: NotRequired[str]
    lessons_done: int
    facts: dict[str, str | float | bool]


class Students(TypedDict):
    """A page of students. `next` is null on the last page."""

    students: list[Student]
    next: str | None


class StudentEventForm(TypedDict):
    """An event of a student: `signed_up`, `logged_in`, `lesson_finished`, `viewed_course` or `x.…`."""

    id: str
    type: str
    student: str
    at: str
    data: NotRequired[dict[str, object]]


class AcceptedEvents(TypedDict):
    """The number of events that are new, and of those that were known."""

    accepted: int
    duplicates: int
