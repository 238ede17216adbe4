"""A process that dies at one hop of a drop's way: the real desk and feed, and an exception that nobody
catches, thrown just before or just after the hop.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from server.core.drops.drops import Allotment, RoomDrop
from server.desk.caps import Cap, CapsMissing
from server.desk.drop_desk import DropDesk
from server.desk.drop_state import Closing, Extended, Stamped
from server.desk.feed import Feed, FeedKind
from server.flows.drops.drop_service import DropService
from tests.support.builders.classroom import Classroom


class KilledError(Exception):
    """The process is gone."""


@dataclass(slots=True)
class Death:
    """Comes `before` or `after` a hop: `open`, `add_units`, `extend`, `close`, `publish`."""

    when: str
    hop: str

    def strike(self, when: str, hop: str) -> None:
        if (when, hop) == (self.when, self.hop):
            raise KilledError


class MortalDesk(DropDesk):
    death: Death

    async def open(self, **asked: object) -> Stamped | CapsMissing | None:
        self.death.strike("before", "open")
        window = await super().open(**asked)  # type: ignore[arg-type]
        self.death.strike("after", "open")
        return window

    async def add_units(self, shard: int, drop_id: str, allotment: Allotment) -> bool:
        self.death.strike("before", "add_units")
        is_taken = await super().add_units(shard, drop_id, allotment)
        self.death.strike("after", "add_units")
        return is_taken

    async def extend(
        self,
        shard: int,
        drop_id: str,
        intent_id: str,
        ms: int,
        expected_closes_at: int,
        caps: Sequence[Cap] = (),
    ) -> Extended:
        self.death.strike("before", "extend")
        extended = await super().extend(shard, drop_id, intent_id, ms, expected_closes_at, caps)
        self.death.strike("after", "extend")
        return extended

    async def close(self, shard: int, drop_id: str, *, only_if_over: bool) -> Closing | None:
        self.death.strike("before", "close")
        closing = await super().close(shard, drop_id, only_if_over=only_if_over)
        self.death.strike("after", "close")
        return closing


class MortalFeed(Feed):
    death: Death

    async def publish(self, publication_id: str, kind: FeedKind, drop: RoomDrop) -> int:
        self.death.strike("before", "publish")
        offset = await super().publish(publication_id, kind, drop)
        self.death.strike("after", "publish")
        return offset


def mortal(classroom: Classroom, when: str, hop: str) -> DropService:
    """The flows of an api process that dies there."""
    desk = MortalDesk(classroom.desk.redis, classroom.desk.prefix)
    feed = MortalFeed(classroom.desk.redis, classroom.desk.prefix)
    desk.death = feed.death = Death(when, hop)
    return DropService(classroom.ledger, desk, feed, "teacher")
