"""A batch: how many coupons of one template go out through one channel, to whom, how many each.

Made by flows from what an operator sent and by the ledger from rows; shown by the API, asked by the
rules of drops. Instants are ms UTC.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from server.core.ids import BatchId
from server.core.promotions.claim_conditions import ANYBODY, ClaimConditions


@dataclass(frozen=True, slots=True)
class ClaimWindow:
    """When the batch may be claimed, [from_at, until_at): another thing than when it may be used."""

    from_at: int
    until_at: int


@dataclass(frozen=True, slots=True)
class RoomQuota:
    """What one room may drop of a batch; `quantity` None = whatever the batch has left."""

    room: str
    quantity: int | None = None
    allotted: int = 0

    @property
    def remaining(self) -> int | None:
        return None if self.quantity is None else self.quantity - self.allotted


@dataclass(frozen=True, slots=True)
class BatchForm:
    """A batch as an operator writes it. `quantity` None = unlimited, which no drop can use;
    `rooms` None = any room.
    """

    template_id: str
    name: str
    quantity: int | None
    channel: str
    per_student: int
    code_prefix: str = ""
    hold_seconds: int | None = None
    campaign_id: str | None = None
    rooms: tuple[RoomQuota, ...] | None = None
    claim_window: ClaimWindow | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    conditions: ClaimConditions = ANYBODY


@dataclass(frozen=True, slots=True)
class Batch:
    """`allotted` is what drops and codes hold now; `shard` the part of the desk that keeps its caps;
    `version` counts its edits. Of its campaign: `per_campaign`, the claims that a student has of all its
    batches (None: no limit), and `greatest_discount`, what one coupon takes of its money at most (None: it
    has no budget)."""

    id: BatchId
    template_id: str
    template_version: int
    name: str
    quantity: int | None
    channel: str
    per_student: int
    code_prefix: str
    hold_seconds: int | None
    campaign_id: str | None
    rooms: tuple[RoomQuota, ...] | None
    claim_window: ClaimWindow | None
    shard: int
    metadata: Mapping[str, str]
    created_by: str
    created_at: int
    allotted: int = 0
    version: int = 1
    conditions: ClaimConditions = ANYBODY
    per_campaign: int | None = None
    greatest_discount: int | None = None

    @property
    def remaining(self) -> int | None:
        return None if self.quantity is None else self.quantity - self.allotted

    def share_of(self, room: str) -> RoomQuota | None:
        """None: this room may drop nothing of it."""
        if self.rooms is None:
            return RoomQuota(room)
        return next((share for share in self.rooms if share.room == room), None)

    def droppable_in(self, room: str) -> int:
        """What the room may still drop: the smaller of what the batch and its share have left."""
        share = self.share_of(room)
        if share is None or self.remaining is None:
            return 0
        return self.remaining if share.remaining is None else min(self.remaining, share.remaining)

    def droppable(self, rooms: Collection[str] | None = None) -> int:
        """The most that somebody who teaches in these rooms could put into one drop now. None:
        somebody who may teach in every room.
        """
        if self.rooms is None:
            return self.remaining or 0
        mine = [share.room for share in self.rooms if rooms is None or share.room in rooms]
        return max((self.droppable_in(room) for room in mine), default=0)
