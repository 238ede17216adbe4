"""A drop service whose process dies at one hop: the real desk and feed, and an exception just before or
just after the hop that no code catches.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from server.core.drops.drops import Allotment, RoomDrop
from server.desk.claims.caps import Cap, CapsMissing
from server.desk.drops.drop_desk import DropDesk
from server.desk.drops.drop_state import Closing, Extended, Stamped
from server.desk.feed.feed import Feed
from server.desk.feed.feed_messages import FeedKind
from server.flows.drops.drop_service import DropService
from tests.support.builders.classroom import Classroom


class KilledError(Exception):
    """The process was killed here."""


@dataclass(slots=True)
class KillPoint:
    """The moment of death: `before` or `after` open, add_units, extend, close or publish."""

    when: str
    hop: str

    def kill_if_reached(self, when: str, hop: str) -> None:
        if (when, hop) == (self.when, self.hop):
            raise KilledError


class DeskKilledAtHop(DropDesk):
    kill_point: KillPoint

    async def open(self, **asked: object) -> Stamped | CapsMissing | None:
        self.kill_point.kill_if_reached("before", "open")
        window = await super().open(**asked)  # type: ignore[arg-type]
        self.kill_point.kill_if_reached("after", "open")
        return window

    async def add_units(self, shard: int, drop_id: str, allotment: Allotment) -> bool:
        self.kill_point.kill_if_reached("before", "add_units")
        is_taken = await super().add_units(shard, drop_id, allotment)
        self.kill_point.kill_if_reached("after", "add_units")
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
        self.kill_point.kill_if_reached("before", "extend")
        extended = await super().extend(shard, drop_id, intent_id, ms, expected_closes_at, caps)
        self.kill_point.kill_if_reached("after", "extend")
        return extended

    async def close(
        self,
        shard: int,
        drop_id: str,
        *,
        only_if_over: bool,
        only_if_sold_out: bool = False,
        openings: int = 1,
    ) -> Closing | None:
        self.kill_point.kill_if_reached("before", "close")
        closing = await super().close(
            shard,
            drop_id,
            only_if_over=only_if_over,
            only_if_sold_out=only_if_sold_out,
            openings=openings,
        )
        self.kill_point.kill_if_reached("after", "close")
        return closing


class FeedKilledAtHop(Feed):
    kill_point: KillPoint

    async def publish(self, publication_id: str, kind: FeedKind, drop: RoomDrop) -> int:
        self.kill_point.kill_if_reached("before", "publish")
        offset = await super().publish(publication_id, kind, drop)
        self.kill_point.kill_if_reached("after", "publish")
        return offset


def drops_killed_at(classroom: Classroom, when: str, hop: str) -> DropService:
    """Return the drop service of an api process that dies `when` (before, after) the `hop`."""
    desk = DeskKilledAtHop(classroom.desk.redis, classroom.desk.prefix)
    feed = FeedKilledAtHop(classroom.desk.redis, classroom.desk.prefix)
    desk.kill_point = feed.kill_point = KillPoint(when, hop)
    return DropService(classroom.ledger, desk, feed, "teacher")
