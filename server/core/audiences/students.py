"""Students: what a school says of them, and what is known besides.

Written by flows/audiences/students.py from what the school sent; read by the rules of audiences.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from server.core import instants
from server.core.violations import Violation

MAX_STUDENTS: Final = 1_000  # of one call
MAX_TAGS: Final = 50
MAX_FACTS: Final = 50
MAX_FACT_TEXT: Final = 200

FactValue = str | int | float | bool


@dataclass(frozen=True, slots=True)
class StudentForm:
    """A student as the school describes them. None: not said, and kept as it is. `tags` replace those of
    before; each of `facts` replaces the one of its name, and None takes it away."""

    id: str
    name: str | None = None
    registered_at: int | None = None
    tags: frozenset[str] | None = None
    facts: Mapping[str, FactValue | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Student:
    """A student who is known. Instants are in ms; `last_seen` None: no claim, payment or event yet."""

    id: str
    name: str | None
    registered_at: int | None
    first_seen: int
    last_seen: int | None
    lessons_done: int
    created_at: int
    tags: tuple[str, ...] = ()
    facts: Mapping[str, FactValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FactColumns:
    """A fact in the forms that rules compare with: its number, its text, its instant (ms)."""

    number: float | None
    text: str | None
    at: int | None


def fact_columns(value: FactValue) -> FactColumns:
    """Return the forms of a fact. True and false are texts; a text that is a time has its instant too."""
    if isinstance(value, bool):
        return FactColumns(None, "true" if value else "false", None)
    if isinstance(value, str):
        return FactColumns(None, value, instant_of(value))
    return FactColumns(float(value), None, None)


def instant_of(text: str) -> int | None:
    """Return the instant of an RFC 3339 text in ms; None for any other text."""
    try:
        return instants.from_text(text)
    except (ValueError, OverflowError):
        return None


def name_key(name: str) -> str:
    """Return the form of a name that is searched: without case."""
    return name.casefold()[:180]


def student_violations(students: Sequence[StudentForm]) -> Iterator[Violation]:
    """Yield each student that is named a second time."""
    seen: set[str] = set()
    for number, each in enumerate(students):
        if each.id in seen:
            yield Violation(f"students.{number}.id", "duplicate")
        seen.add(each.id)
