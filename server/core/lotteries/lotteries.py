"""Lotteries: prizes with published odds, chances, a window; what an operator may ask for.

Made by flows/lotteries/lotteries.py from what was sent, stored by ledger/lotteries/lotteries.py, published by
the API. Prizes, odds, chances and the policy are never changed: who spins tomorrow has the odds of today.
Instants are ms UTC.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from server.core.ids import BatchId
from server.core.promotions.batches import Batch
from server.core.promotions.template_rules import (
    amount_violations,
    metadata_violations,
    text_violations,
)
from server.core.violations import Violation

PPM: Final = 1_000_000  # the odds of all prizes together, in parts of a million
MAX_PRIZES: Final = 20
MAX_CHANCES: Final = 1_000
MAX_WINS: Final = 99
MAX_WIN_DAYS: Final = 365
MAX_NAME: Final = 60
MAX_LEGAL: Final = 2_000


class Face(StrEnum):
    """The look of a lottery. It changes nothing of the draw."""

    WHEEL = "wheel"
    SCRATCH = "scratch"
    BOX = "box"
    SIGN_IN = "signin"


class EmptyPolicy(StrEnum):
    """The consequence of a draw of a prize that is gone, or that this student cannot get.

    `nothing`: the spin wins nothing. `next`: it wins the next prize of the list that is left; nothing behind
    the last one.
    """

    NOTHING = "nothing"
    NEXT = "next"


class LotteryState(StrEnum):
    """The state of a lottery; `ended` is for ever."""

    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Prize:
    """A prize: a coupon of the batch; None: nothing is won. `quantity` and `per_day`: how often it is won at
    most, ever and on a day of the school; None: as long as its batch has units."""

    batch_id: BatchId | None
    ppm: int
    quantity: int | None = None
    per_day: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Chances:
    """The spins of one student, ever and on a day of the school. `per_day` None: as many as there are."""

    per_student: int
    per_day: int | None = None


@dataclass(frozen=True, slots=True)
class WinLimit:
    """The most that one student may win: `count` times in the last `days` days of the school, with today. Who
    has won as often has no chance until a win is older; no odds are changed by it."""

    count: int
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LotteryForm:
    """A lottery as an operator writes it. `win_limit` None: chances alone limit wins. [from_at, until_at) is
    its window; None: without a bound. `legal`: what the law wants to be said, shown on its page."""

    name: str
    prizes: tuple[Prize, ...]
    chances: Chances
    win_limit: WinLimit | None = None
    face: Face = Face.WHEEL
    empty_policy: EmptyPolicy = EmptyPolicy.NOTHING
    from_at: int | None = None
    until_at: int | None = None
    legal: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def batches(self) -> tuple[BatchId, ...]:
        """Every batch of it, once."""
        return tuple(dict.fromkeys(one.batch_id for one in self.prizes if one.batch_id is not None))


@dataclass(frozen=True, slots=True)
class Lottery:
    """A lottery as it stands."""

    id: str
    state: LotteryState
    form: LotteryForm
    created_by: str
    created_at: int

    def is_open(self, now: int) -> bool:
        """Return whether one may spin at this instant."""
        form = self.form
        is_begun = form.from_at is None or form.from_at <= now
        is_over = form.until_at is not None and form.until_at <= now
        return self.state is LotteryState.ACTIVE and is_begun and not is_over


def lottery_violations(form: LotteryForm, known: Mapping[BatchId, Batch]) -> Iterator[Violation]:
    """Yield what is wrong with the form. `known`: those of its batches that exist."""
    yield from text_violations("name", form.name, MAX_NAME)
    if form.legal:
        yield from text_violations("legal", form.legal, MAX_LEGAL)
    yield from metadata_violations("metadata", form.metadata)
    yield from _prizes_violations(form, known)
    yield from _chances_violations(form.chances)
    yield from _win_limit_violations(form.win_limit)
    yield from window_violations(form)


def _prizes_violations(form: LotteryForm, known: Mapping[BatchId, Batch]) -> Iterator[Violation]:
    if len(form.prizes) > MAX_PRIZES:
        yield Violation("prizes", "too_many")
    if not form.batches:
        yield Violation("prizes", "nothing_to_win")
    for place, prize in enumerate(form.prizes):
        yield from _prize_violations(f"prizes.{place}", prize, known)
    if sum(one.ppm for one in form.prizes) != PPM:
        yield Violation("prizes", "ppm_sum")


def _prize_violations(
    place: str, prize: Prize, known: Mapping[BatchId, Batch]
) -> Iterator[Violation]:
    if not 1 <= prize.ppm <= PPM:
        yield Violation(f"{place}.ppm", "too_small" if prize.ppm < 1 else "too_large")
    if prize.name:
        yield from text_violations(f"{place}.name", prize.name, MAX_NAME)
    if prize.batch_id is not None and prize.batch_id not in known:
        yield Violation(f"{place}.batch_id", "unknown")
    for name, count in (("quantity", prize.quantity), ("per_day", prize.per_day)):
        if count is not None and count < 1:
            yield Violation(f"{place}.{name}", "too_small")
        elif count is not None and prize.batch_id is None:
            yield Violation(f"{place}.{name}", "conflict")  # there is no end of nothing


def _chances_violations(chances: Chances) -> Iterator[Violation]:
    if not 1 <= chances.per_student <= MAX_CHANCES:
        is_small = chances.per_student < 1
        yield Violation("chances.per_student", "too_small" if is_small else "too_large")
    if chances.per_day is not None and not 1 <= chances.per_day <= chances.per_student:
        is_small = chances.per_day < 1
        yield Violation("chances.per_day", "too_small" if is_small else "above_per_student")


def _win_limit_violations(limit: WinLimit | None) -> Iterator[Violation]:
    if limit is not None:
        yield from amount_violations("win_limit.count", limit.count, 1, MAX_WINS)
        yield from amount_violations("win_limit.days", limit.days, 1, MAX_WIN_DAYS)


def window_violations(form: LotteryForm) -> Iterator[Violation]:
    """Yield what is wrong with the window."""
    if form.from_at is not None and form.until_at is not None and form.until_at <= form.from_at:
        yield Violation("window.until", "not_after_from")


def stock_short(form: LotteryForm, known: Mapping[BatchId, Batch]) -> int | None:
    """Return what the first batch has left that has less than its prizes may give; None: all have enough.

    A lottery keeps no units apart: what others take of the batch later is missing all the same.
    """
    wanted = Counter[BatchId]()
    for prize in form.prizes:
        if prize.batch_id is not None:
            wanted[prize.batch_id] += prize.quantity or 1
    for batch_id, count in wanted.items():
        left = known[batch_id].remaining
        if left is not None and left < count:
            return left
    return None
