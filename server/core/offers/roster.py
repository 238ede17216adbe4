"""The roster of a room: the students who are in it now, to search and to pick from.

Read from the gateways' reports by desk/feed/rosters.py; used by flows/offers, which show it to teachers and
find whom the tag of an offer means.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from server.core.ids import StudentId

MAX_SHOWN: Final = 500  # students in one answer, and students of one tag in one request


@dataclass(frozen=True, slots=True)
class Present:
    """A student who is in the room, as their token says it: `name` may be empty."""

    student: StudentId
    name: str = ""
    tags: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The cursor of a page."""
        return self.student


@dataclass(frozen=True, slots=True)
class RosterSearch:
    """`begins`: the beginning of an id, or of a word of a name, in any case. `tag`: one that the token has.
    Empty: everybody."""

    begins: str = ""
    tag: str | None = None

    def finds(self, present: Present) -> bool:
        """Return whether the student is one of those who are looked for."""
        if self.tag is not None and self.tag not in present.tags:
            return False
        begins = self.begins.strip().casefold()
        if not begins:
            return True
        is_id = present.student.casefold().startswith(begins)
        return is_id or f" {begins}" in f" {present.name.casefold()}"


def page_of(found: Iterable[Present], after: str | None, limit: int) -> list[Present]:
    """Return the first `limit` of these students in the order of their ids, from behind the id `after`."""
    behind = (one for one in found if after is None or one.student > after)
    return sorted(behind, key=lambda one: one.student)[:limit]
