"""Batches: how many coupons of one template go out through one channel, to whom, and how many each.

Made by flows from what an operator sent, and by the ledger from rows; published by the API, used by the
rules of drops. Instants are ms UTC.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from server.core.ids import BatchId
from server.core.promotions.claim_conditions import ANYBODY, ClaimConditions


@dataclass(frozen=True, slots=True)
class ClaimWindow:
    """The time in which the batch may be claimed: [from_at, until_at). The use of its coupons has another
    window."""

    from_at: int
    until_at: int


@dataclass(frozen=True, slots=True)
class RoomQuota:
    """The part of a batch that one room may drop. `quantity` None: whatever the batch has left."""

    room: str
    quantity: int | None = None
    allotted: int = 0

    @property
    def remaining(self) -> int | None:
        return None if self.quantity is None else self.quantity - self.allotted


@dataclass(frozen=True, slots=True)
class BatchForm:
    """A batch as an operator writes it. `quantity` None: unlimited, which no drop can use. `rooms` None:
    any room. `per_person` None: as many as `per_student`. `per_device` None: no limit."""

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
    max_per_minute: int | None = None
    remind_before: tuple[int, ...] | None = None
    per_person: int | None = None
    per_device: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it stands.

    `allotted` is what drops, codes and issued coupons have of it now. `shard` is the part of the desk that
    keeps its claim limits. `version` counts its edits. Two fields are its campaign's: `per_campaign`, how
    many claims a student may have in all of its batches (None: no limit), and `greatest_discount`, what one
    coupon takes of its money at most (None: it has no budget). `max_per_minute`: coupons that may go out in a
    minute by plan; faster, and the batch pauses itself (None: no plan). `per_person` and `per_device` count
    the claims of all accounts with the same hash in their tokens (None: no limit; a batch of an earlier
    version may have no `per_person`). `remind_before`: the hours before a coupon's end at which its student
    is reminded (None: the installation's, empty: never). `ended_at`: when an operator ended it for good, by
    whom and why; no coupon of it is given since.
    """

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
    max_per_minute: int | None = None
    remind_before: tuple[int, ...] | None = None
    per_person: int | None = None
    per_device: int | None = None
    ended_at: int | None = None
    ended_by: str | None = None
    end_reason: str | None = None

    @property
    def remaining(self) -> int | None:
        """Units that are not allotted; None without a limit."""
        return None if self.quantity is None else self.quantity - self.allotted

    def room_quota_of(self, room: str) -> RoomQuota | None:
        """Return what the room may drop of the batch; None if nothing."""
        if self.rooms is None:
            return RoomQuota(room)
        return next((quota for quota in self.rooms if quota.room == room), None)

    def droppable_in(self, room: str) -> int:
        """Return what the room may still drop: the smaller of what the batch and the room's quota have
        left."""
        quota = self.room_quota_of(room)
        if quota is None or self.remaining is None or self.ended_at is not None:
            return 0
        # Quotas may add up to more than the batch, so both are limits.
        return self.remaining if quota.remaining is None else min(self.remaining, quota.remaining)

    def droppable(self, rooms: Collection[str] | None = None) -> int:
        """Return the largest drop that is possible now in one of these rooms. None: in any room."""
        if self.ended_at is not None:
            return 0
        if self.rooms is None:
            return self.remaining or 0
        named = [quota.room for quota in self.rooms if rooms is None or quota.room in rooms]
        return max((self.droppable_in(room) for room in named), default=0)
