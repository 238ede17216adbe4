"""What doctor can find, and in which words it says so.

Made by flows/examine*.py, read by flows/consistency/repair.py (which mends some) and by commands/doctor.py
(which prints them). A finding names what it is about and says what to do.
"""

from dataclasses import dataclass
from enum import StrEnum


class FindingKind(StrEnum):
    WEAK_REDIS = "weak_redis"
    FENCE_SHUT = "fence_shut"
    OUTBOX_WAITS = "outbox_waits"
    INTENT_LEFT_BEHIND = "intent_left_behind"
    DEAD_LETTER = "dead_letter"
    UNRECORDED_WIN = "unrecorded_win"
    UNKNOWN_HOLDER = "unknown_holder"
    FORGOTTEN_CLAIM = "forgotten_claim"
    NEVER_CONFIRMED = "never_confirmed"
    HELD_THOUGH_GONE = "held_though_gone"
    ANOTHER_UNIT = "another_unit"
    SLOT_NOT_COUNTED = "slot_not_counted"
    DESK_DIFFERS = "desk_differs"
    UNKNOWN_DROP = "unknown_drop"
    BOOKS_DO_NOT_ADD_UP = "books_do_not_add_up"
    CLAIMS_BEYOND_STOCK = "claims_beyond_stock"
    CLAIM_WITHOUT_COUPON = "claim_without_coupon"
    COUPON_WITHOUT_CLAIM = "coupon_without_claim"
    BATCH_COUNTER = "batch_counter"
    BUDGET_DIFFERS = "budget_differs"


REBUILD = (
    "--repair builds this part of the desk anew from the ledger; claims wait a moment meanwhile"
)
RECORD = "--repair records it: on the unit it was won on, or another free one"
PERSON = "a person has to decide; nothing is changed"


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` in words; `todo`: what to do about it. The rest says what it is about, as far as it applies.
    `units` is for a total; `at` (ms) and `error` are a dead letter's or an intent's."""

    kind: FindingKind
    what: str
    todo: str
    drop: str | None = None
    room: str | None = None
    student: str | None = None
    unit: int | None = None
    claim: str | None = None
    coupon: str | None = None
    batch: str | None = None
    shard: int | None = None
    at: int | None = None
    error: str | None = None
    campaign: str | None = None

    @property
    def about(self) -> tuple[object, ...]:
        """The same in two looks where it is the same fault, whatever its figures are by then."""
        return (
            self.kind,
            self.drop,
            self.room,
            self.student,
            self.claim,
            self.coupon,
            self.batch,
            self.campaign,
            self.shard,
            self.at,
        )


@dataclass(frozen=True, slots=True)
class Repair:
    """Something that was tried; `is_done` False: it stays as it is, and `what` says why."""

    what: str
    is_done: bool = True


def drop_label(drop_id: str, room: str) -> str:
    return f"drop {drop_id} (room {room})"
