"""Audiences: who, as a list, a tag or a rule; versioned, never edited in place.

Made by flows/audiences/audiences.py from what an operator sent. An audience is frozen when it is used: its
members are written down for that one use, and later edits do not reach it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from server.core.audiences.rules import rule_violations
from server.core.promotions.template_rules import metadata_violations
from server.core.violations import Violation

MAX_MEMBERS: Final = 200_000
SAMPLE: Final = 20


class AudienceKind(StrEnum):
    """The way in which an audience says who is in it."""

    LIST = "list"
    TAG = "tag"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class AudienceForm:
    """An audience as an operator writes it. Of `students`, `tag` and `rule` the one of its kind is set."""

    name: str
    kind: AudienceKind
    students: Sequence[str] = ()
    tag: str | None = None
    rule: Mapping[str, Any] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Audience:
    """A version of an audience. `size` counts the members of a list; None for the other kinds."""

    id: str
    version: int
    name: str
    kind: AudienceKind
    tag: str | None
    rule: Mapping[str, Any] | None
    size: int | None
    created_at: int
    list_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preview:
    """The number of students who are in an audience now, and up to SAMPLE of them."""

    count: int
    sample: tuple[str, ...]


def audience_violations(form: AudienceForm) -> Iterator[Violation]:
    """Yield everything that is wrong with the form itself."""
    if len(form.students) > MAX_MEMBERS:
        yield Violation("students", "too_many")
    if form.rule is not None:
        yield from rule_violations(form.rule)
    yield from metadata_violations("metadata", form.metadata)


def members_of(form: AudienceForm) -> list[str]:
    """Return the students of a list, each once, in the order in which they were sent."""
    return list(dict.fromkeys(form.students))
