"""Alerts: what somebody must look at, how bad it is, and which acts mend it.

Used by flows/alerts. Pure: what is known of a budget, a batch or a receiver comes in, and says whether there
is an alert. There is at most one alert of a kind for a subject that has not ended.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from server.core.events.webhooks import WebhookState

KEPT_MS: Final = 90 * 86_400_000  # of alerts that have ended
ACT_MS: Final = 10_000  # an act is done within this, or may be tried again
_BUDGET_LEVELS: Final = (100, 80)  # percent used, the worst first
_LOW_PERCENT: Final = 10  # of a batch's units
ENDING_MS: Final = 3 * 86_400_000  # coupons that end within this are told of, if they lie unused
LEAST_ENDING: Final = 20  # of a batch: fewer unused coupons are not worth a message to all
_UNUSED_LEVELS: Final = (80, 50)  # percent of the coupons that end
STUCK_MS: Final = 600_000  # an issuance that no worker has driven for this long is stuck
_FAILURES: Final = 3  # of calls in a row: the third is made after some 35 minutes


class AlertKind(StrEnum):
    """The kinds of what is wrong."""

    MONEY_USED = "money_used"
    PIECES_USED = "pieces_used"
    BATCH_LOW = "batch_low"
    BATCH_PAUSED = "batch_paused"
    WEBHOOK_DOWN = "webhook_down"
    ISSUANCE_STUCK = "issuance_stuck"
    BOOKS_DIFFER = "books_differ"
    COUPONS_UNUSED = "coupons_unused"
    SPLIT_OFF = "split_off"


class AlertAct(StrEnum):
    """The acts of an operator. `dismiss` hides it until it gets worse, or ends and comes again; `remind` does
    so too, because only the students can end it."""

    RAISE_BUDGET = "raise_budget"
    TOP_UP = "top_up"
    RESUME = "resume"
    ENABLE = "enable"
    STOP = "stop"
    REPAIR = "repair"
    REMIND = "remind"
    END = "end"
    DISMISS = "dismiss"


class AlertState(StrEnum):
    """`dismissed`: what is wrong goes on, and nobody wants to hear of it."""

    OPEN = "open"
    DISMISSED = "dismissed"
    ENDED = "ended"


# The act that mends an alert of each kind.
MENDS: Final = {
    AlertKind.MONEY_USED: AlertAct.RAISE_BUDGET,
    AlertKind.PIECES_USED: AlertAct.RAISE_BUDGET,
    AlertKind.BATCH_LOW: AlertAct.TOP_UP,
    AlertKind.BATCH_PAUSED: AlertAct.RESUME,
    AlertKind.WEBHOOK_DOWN: AlertAct.ENABLE,
    AlertKind.ISSUANCE_STUCK: AlertAct.STOP,
    AlertKind.BOOKS_DIFFER: AlertAct.REPAIR,
    AlertKind.COUPONS_UNUSED: AlertAct.REMIND,
    AlertKind.SPLIT_OFF: AlertAct.END,
}
# Kinds that take sums over many rows, so a worker looks for them less often.
SLOW: Final = frozenset({AlertKind.COUPONS_UNUSED, AlertKind.SPLIT_OFF})
NEEDS_AMOUNT: Final = frozenset({AlertAct.RAISE_BUDGET, AlertAct.TOP_UP})


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong now.

    `level` is greater where it is worse: percent of a budget that is used, or of coupons that are not; else 1
    or 2. `name`: of the
    campaign or batch, or the receiver's URL. `amount` and `left`: of a budget in minor units or pieces, of a
    batch in units. `reason`: why a batch was stopped or a receiver given up. Of an issuance
    `name` is why it was made, `amount` and `left` are students; of books that differ `amount` is how many
    findings there are. Of coupons that lie unused `amount` is how many end soon, and `left` how many of them
    are not used; of an experiment `reason` has the sizes of its groups, and those that they should have.
    """

    kind: AlertKind
    subject: str
    level: int
    name: str
    amount: int | None = None
    left: int | None = None
    currency: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert. `ended_by`: the operator whose act ended it; None where it ended by itself."""

    id: str
    fault: Fault
    raised_at: int
    dismissed_by: str | None = None
    ended_at: int | None = None
    ended_by: str | None = None
    acts: tuple[AlertAct, ...] = field(init=False)

    def __post_init__(self) -> None:
        acts = (MENDS[self.fault.kind], AlertAct.DISMISS) if self.ended_at is None else ()
        object.__setattr__(self, "acts", acts)

    @property
    def state(self) -> AlertState:
        if self.ended_at is not None:
            return AlertState.ENDED
        return AlertState.OPEN if self.dismissed_by is None else AlertState.DISMISSED


def budget_level(amount: int, free: int) -> int | None:
    """Return the greatest level (percent) that the used part of a budget has reached; None: no level."""
    used = amount - free
    return next((level for level in _BUDGET_LEVELS if used * 100 >= level * amount), None)


def batch_level(quantity: int, left: int) -> int | None:
    """Return 2 for a batch without a unit, 1 for one with at most a tenth, else None.

    `left`: the units that are free, in the batch or in a drop that has not closed.
    """
    if left == 0:
        return 2
    return 1 if left * 100 <= _LOW_PERCENT * quantity else None


def unused_level(ending: int, unused: int) -> int | None:
    """Return the greatest level (percent) that the unused part of the coupons that end soon has passed; None:
    no level, or so few that nobody has to look."""
    if unused < LEAST_ENDING:
        return None
    return next((level for level in _UNUSED_LEVELS if unused * 100 > level * ending), None)


def issuance_level(overdue_ms: int) -> int | None:
    """Return 1 for an issuance that no worker has driven for 10 minutes, 2 for an hour, else None."""
    if overdue_ms < STUCK_MS:
        return None
    return 2 if overdue_ms >= 6 * STUCK_MS else 1


def webhook_level(state: WebhookState, failures: int) -> int | None:
    """Return 2 for a receiver that was given up, 1 for one whose calls fail, else None.

    One that an operator paused is well.
    """
    if state is WebhookState.DISABLED:
        return 2
    return 1 if state is WebhookState.ACTIVE and failures >= _FAILURES else None
