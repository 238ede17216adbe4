"""Spins: who may, what is left of the prizes, and what a spin has won.

Used by flows/lotteries/, stored by ledger/lotteries/spins.py. A spin has its number as soon as it is written,
and never another one; its outcome follows when its coupon is there, or was refused.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from server.core.ids import CouponId, StudentId
from server.core.lotteries.lotteries import (
    Chances,
    EmptyPolicy,
    Lottery,
    LotteryForm,
    WinLimit,
)

# Refusals are kept so that a repeated request gets the same answer. A client that asks with ever new ids
# after this many gets its answer, which is not kept.
KEPT_REFUSALS: Final = 100


class SpinOutcome(StrEnum):
    """The outcome of a spin. The last two are refusals and cost no chance."""

    WON = "won"
    NOTHING = "nothing"
    NO_CHANCE_LEFT = "no_chance_left"
    NOT_OPEN = "not_open"


REFUSALS: Final = (SpinOutcome.NO_CHANCE_LEFT, SpinOutcome.NOT_OPEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spin:
    """A spin. `n` counts the student's spins of the lottery from 1; a refusal has none.

    `day` is the number of the school's date, whose seed gave `number` (0 to 999,999). `drawn` is the place of
    the prize to which the number belongs, `place` the one that is won or on its way. `outcome` None: its
    coupon is on its way, by the issuance `issuance_id`. Instants are ms.
    """

    id: str
    lottery_id: str
    student: StudentId
    request_id: str
    day: int
    at: int
    n: int | None = None
    number: int | None = None
    drawn: int | None = None
    place: int | None = None
    outcome: SpinOutcome | None = None
    issuance_id: str | None = None
    coupon_id: CouponId | None = None


@dataclass(slots=True)
class UsedChances:
    """The spins of one student so far, ever and today, how many of their refusals are kept, and their wins
    in the days of the lottery's limit, with coupons that are on their way."""

    spins: int = 0
    today: int = 0
    refusals: int = 0
    wins: int = 0

    def left(self, chances: Chances, limit: WinLimit | None = None) -> int:
        """Return how many spins the student has left today."""
        if limit is not None and self.wins >= limit.count:
            return 0
        left = max(0, chances.per_student - self.spins)
        return left if chances.per_day is None else min(left, max(0, chances.per_day - self.today))


def spin_refusal(lottery: Lottery, used: UsedChances, now: int) -> SpinOutcome | None:
    """Return why the student may not spin now; None if they may."""
    if not lottery.is_open(now):
        return SpinOutcome.NOT_OPEN
    has_chance = used.left(lottery.form.chances, lottery.form.win_limit) > 0
    return None if has_chance else SpinOutcome.NO_CHANCE_LEFT


def wins_after(limit: WinLimit | None, today: int) -> int:
    """Return the last day (its number) whose wins do not count for the limit today; today without a limit."""
    return today if limit is None else today - limit.days


class PrizesLeft:
    """The prizes of one lottery that are left, while spins of one day take them and give them back."""

    def __init__(self, form: LotteryForm, won: Mapping[int, int], today: Mapping[int, int]) -> None:
        """`won` and `today`: how often the prize at a place was won, ever and on that day."""
        self._form = form
        self._won = won
        self._today = today
        self.changes: dict[int, int] = {}  # by place: how many more, or fewer, are won now

    def take_drawn(self, place: int) -> int | None:
        """Take the prize that was drawn, or what the policy gives in its place; None: nothing."""
        if self._form.prizes[place].batch_id is None:
            return None
        return self._take((place, *self._behind(place)))

    def take_instead(self, place: int) -> int | None:
        """Give the prize back, and take what the policy gives in its place; None: nothing."""
        self._change(place, -1)
        return self._take(self._behind(place))

    def is_left(self, place: int) -> bool:
        """Return whether the prize can still be won, by the counts of the lottery alone."""
        prize, more = self._form.prizes[place], self.changes.get(place, 0)
        pairs = ((prize.quantity, self._won), (prize.per_day, self._today))
        return all(most is None or had.get(place, 0) + more < most for most, had in pairs)

    def _behind(self, place: int) -> Iterable[int]:
        is_next = self._form.empty_policy is EmptyPolicy.NEXT
        return range(place + 1, len(self._form.prizes)) if is_next else ()

    def _take(self, places: Iterable[int]) -> int | None:
        for place in places:
            if self._form.prizes[place].batch_id is not None and self.is_left(place):
                self._change(place, 1)
                return place
        return None

    def _change(self, place: int, count: int) -> None:
        self.changes[place] = self.changes.get(place, 0) + count
