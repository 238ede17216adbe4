"""The rules on bothering students: quiet hours, the cap over rolling windows, and what becomes of a message.

Used by flows/events/send_messages.py, which reads what was sent and what has become of the coupon. The clock
and the zone are arguments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from server.core.coupons.coupons import CouponState
from server.core.messages import Channel, Message, MessageState

DAY_MS: Final = 24 * 3600 * 1000
MAX_ATTEMPTS: Final = 5
# Waits before the second, third, … attempt, like those of webhooks (decision 0038).
_RETRY_MS: Final = (5_000, 60_000, 10 * 60_000, 60 * 60_000)


class HeldBecause(StrEnum):
    """The reason for which a message is held."""

    CAP = "cap"
    QUIET_HOURS = "quiet_hours"


class CancelledBecause(StrEnum):
    """The reason for which a message is not sent at all."""

    COUPON_USED = "coupon_used"
    COUPON_LOCKED = "coupon_locked"
    COUPON_GONE = "coupon_gone"
    BLOCKED = "blocked"
    ERASED = "erased"


class Cap(NamedTuple):
    """A limit: `limit` messages to one student within any `window_ms`, and no more."""

    limit: int
    window_ms: int


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The hours of the school's day in which nobody's phone rings; they may go over midnight."""

    from_time: time
    until_time: time

    def end_of(self, now: int, zone: ZoneInfo) -> int | None:
        """Return when the quiet hours that hold at `now` (ms) end, in ms; None where it is not quiet."""
        local = datetime.fromtimestamp(now / 1000, UTC).astimezone(zone)
        clock, day = local.time(), local.date()
        if self.from_time <= self.until_time:
            is_quiet = self.from_time <= clock < self.until_time
        else:
            is_quiet = clock >= self.from_time or clock < self.until_time
        if not is_quiet:
            return None
        if clock >= self.until_time:
            day += timedelta(days=1)
        # The offset of that morning, not of now: summer time may begin in this night.
        end = datetime.combine(day, self.until_time, zone).astimezone(UTC)
        return int(end.timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class MessageRules:
    """The rules of an installation. `quiet_hours` None: it is never quiet."""

    caps: tuple[Cap, ...]
    quiet_hours: QuietHours | None
    zone: ZoneInfo

    @property
    def longest_window_ms(self) -> int:
        """The time for which messages that were sent count, in ms."""
        return max((cap.window_ms for cap in self.caps), default=0)


class Decision(NamedTuple):
    """The fate of a message now. `until`: when to look again, of a held one."""

    state: MessageState
    reason: str | None = None
    until: int | None = None


SEND: Final = Decision(MessageState.SENT)


@dataclass(frozen=True, slots=True)
class Situation:
    """The facts when a message is due. `counted`: when each message that counts against the cap was sent
    to this student, in ms; `coupon` None: the message names none, or it does not exist any more.
    """

    now: int
    counted: Sequence[int] = ()
    coupon: CouponState | None = None
    is_counted_already: bool = False  # through another channel, or by an earlier attempt
    is_blocked: bool = False


def decide(message: Message, rules: MessageRules, known: Situation) -> Decision:
    """Return whether a due message is sent, held, expired or cancelled."""
    if known.now >= message.expires_at:
        return Decision(MessageState.EXPIRED, message.reason)
    cancelled = _cancelled(message, known)
    if cancelled is not None:
        return Decision(MessageState.CANCELLED, cancelled)
    if message.is_transactional:
        return SEND
    return _held(message, rules, known) or SEND


def _cancelled(message: Message, known: Situation) -> CancelledBecause | None:
    if known.is_blocked:
        return CancelledBecause.BLOCKED
    if message.coupon_id is None:
        return None
    match known.coupon:
        case CouponState.USABLE:
            return None
        case CouponState.LOCKED:
            return CancelledBecause.COUPON_LOCKED
        case CouponState.REDEEMED:
            return CancelledBecause.COUPON_USED
        case _:
            return CancelledBecause.COUPON_GONE


def _held(message: Message, rules: MessageRules, known: Situation) -> Decision | None:
    # A message in the app makes no sound, and only who has the page open sees it come.
    if rules.quiet_hours is not None and message.channel is not Channel.IN_APP:
        quiet_until = rules.quiet_hours.end_of(known.now, rules.zone)
        if quiet_until is not None:
            return Decision(MessageState.HELD, HeldBecause.QUIET_HOURS, quiet_until)
    if known.is_counted_already:
        return None
    free_at = cap_free_at(known.counted, rules.caps, known.now)
    if free_at is None:
        return None
    return Decision(MessageState.HELD, HeldBecause.CAP, free_at)


def cap_free_at(counted: Sequence[int], caps: Sequence[Cap], now: int) -> int | None:
    """Return when one more message is within all caps, in ms; None: now.

    `counted`: when each was sent, in ms, in any order. A window has the messages of the last `window_ms`, not
    those of a calendar day: two late in the evening and two at midnight are four within a day.
    """
    waits = [_free_at(counted, cap, now) for cap in caps]
    latest = max(waits, default=now)
    return latest if latest > now else None


def _free_at(counted: Sequence[int], cap: Cap, now: int) -> int:
    within = sorted(at for at in counted if at > now - cap.window_ms)
    if len(within) < cap.limit:
        return now
    if cap.limit == 0:
        return now + cap.window_ms
    # As soon as all but `limit - 1` of them have left the window.
    return within[-cap.limit] + cap.window_ms


def retry_at(attempts: int, now: int) -> int | None:
    """Return when to try again after `attempts` attempts that failed, in ms; None: give up."""
    return now + _RETRY_MS[attempts - 1] if attempts < MAX_ATTEMPTS else None
