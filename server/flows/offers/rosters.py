"""Read who is in a room: to show it to teachers, and to find whom the tag of an offer means.

Called by the API. Knows nobody who is not in the room now.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from server.core.ids import StudentId
from server.core.offers.roster import Present, RosterSearch, page_of
from server.desk.feed.feed import Feed

_AT_ONCE: Final = 2_000  # students that are looked at in one turn of the event loop: about 2 ms


@dataclass(frozen=True, slots=True)
class RosterPage:
    """`present`: how many students are in the room; `found`: how many of them the search finds."""

    students: list[Present]
    found: int
    present: int


async def page_of_room(
    feed: Feed, room: str, search: RosterSearch, after: str | None, limit: int
) -> RosterPage:
    """Return the students that the search finds, in the order of their ids, from behind the id `after`.

    Raises DeskUnavailableError where Redis does not answer.
    """
    here = await feed.rosters.read(room)
    found = await _found(list(here.values()), search)
    return RosterPage(page_of(found, after, limit), len(found), len(here))


async def with_tag(feed: Feed, room: str, tag: str) -> list[StudentId]:
    """Return who is in the room and has the tag, in the order of their ids.

    Raises DeskUnavailableError where Redis does not answer.
    """
    here = await feed.rosters.read(room)
    found = await _found(list(here.values()), RosterSearch(tag=tag))
    return sorted(one.student for one in found)


async def _found(here: list[Present], search: RosterSearch) -> list[Present]:
    found: list[Present] = []
    for start in range(0, len(here), _AT_ONCE):
        found += filter(search.finds, here[start : start + _AT_ONCE])
        await asyncio.sleep(0)
    return found
