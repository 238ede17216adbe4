"""The findings of doctor and the repairs it tries, as values.

Made by doctor.py, desk_checks.py and ledger_checks.py; read by repair.py, which repairs some of them, by
examine.py, which keeps them, and by commands/doctor.py, which prints them. The field names are those of
`doctor --json`.
"""

from dataclasses import dataclass
from enum import StrEnum


class FindingKind(StrEnum):
    """The kinds of faults; the values appear in `doctor --json`."""

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
    HOLDER_NOT_COUNTED = "holder_not_counted"
    DESK_DIFFERS = "desk_differs"
    UNKNOWN_DROP = "unknown_drop"
    BOOKS_DO_NOT_ADD_UP = "books_do_not_add_up"
    CLAIMS_BEYOND_STOCK = "claims_beyond_stock"
    CLAIM_WITHOUT_COUPON = "claim_without_coupon"
    COUPON_WITHOUT_CLAIM = "coupon_without_claim"
    BATCH_COUNTER = "batch_counter"
    BUDGET_DIFFERS = "budget_differs"
    ERASED_STUDENT_BACK = "erased_student_back"
    ERASURES_UNTOLD = "erasures_untold"
    ISSUANCE_DIFFERS = "issuance_differs"
    TRIGGER_DIFFERS = "trigger_differs"
    LOTTERY_DIFFERS = "lottery_differs"
    STATEMENT_DIFFERS = "statement_differs"
    SEAL_DIFFERS = "seal_differs"
    EVENTS_UNNUMBERED = "events_unnumbered"
    EVENTS_MISSING = "events_missing"
    READER_AHEAD = "reader_ahead"


REBUILD = (
    "--repair builds this part of the desk anew from the ledger; claims wait a moment meanwhile"
)
RECORD = "--repair records it: on the unit it was won on, or another free one"
PERSON = "a person has to decide; nothing is changed"


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault that was found: `what` in words, and `todo`, what an operator can do about it.

    The other fields name what the finding is about, as far as they apply. `at` (ms) and `error` belong to a
    dead letter or an intent.
    """

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
    issuance: str | None = None
    trigger: str | None = None
    lottery: str | None = None
    order: str | None = None
    day: str | None = None

    @property
    def can_repair(self) -> bool:
        """Return whether a repair mends it, or tries to."""
        return self.todo.startswith("--repair")

    @property
    def about(self) -> tuple[object, ...]:
        """The identity of the fault: equal in two rounds of checks, even if its numbers have changed."""
        return (
            self.kind,
            self.drop,
            self.room,
            self.student,
            self.claim,
            self.coupon,
            self.batch,
            self.campaign,
            self.issuance,
            self.trigger,
            self.lottery,
            self.order,
            self.day,
            self.shard,
            self.at,
        )


@dataclass(frozen=True, slots=True)
class Repair:
    """A repair that was tried. Where `is_done` is False nothing was changed, and `what` says why."""

    what: str
    is_done: bool = True


def drop_label(drop_id: str, room: str) -> str:
    """Return how the words of a finding name a drop."""
    return f"drop {drop_id} (room {room})"
