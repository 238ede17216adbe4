"""Watch: signals that somebody may be unfair, their points, and the level that the points come to.

Used by flows/access/watch.py on what the ledger counts. Every signal is a count that an operator can check by
hand. A level is an advice and does nothing: to block is an operator's decision (decision 0042).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
# From a card to a tap nobody is faster: eye and finger take 200 ms, the network comes on top.
QUICK_MS: Final = 150
MIN_QUICK_WINS: Final = 3
_QUICK_PERCENT: Final = 80  # of the wins of one student
USUAL_PERCENT: Final = (
    10  # of the others' wins of the same drops: above it the room itself is quick
)
_OTHERS: Final = 10  # wins of others that a comparison needs


class Watched(StrEnum):
    """The things that are watched. Each may be blocked, but for a campaign, which may be stopped."""

    STUDENT = "student"
    PERSON = "person"
    DEVICE = "device"
    CAMPAIGN = "campaign"


class Level(StrEnum):
    """An advice: keep an eye on it, ask before giving more, block it."""

    WATCH = "watch"
    SLOW = "slow"
    BLOCK = "block"


class Signal(StrEnum):
    """The things that are counted, within an hour or a day."""

    COUPONS_PER_HOUR = "coupons_per_hour"
    QUICK_WINS = "quick_wins"
    UNPAID_LOCKS = "unpaid_locks"
    WRONG_CODES = "wrong_codes"
    NEW_ACCOUNTS = "new_accounts"


_Steps = tuple[tuple[int, int], ...]

# (at least, points), highest first. A count below the last one is no signal.
STEPS: Final[Mapping[Signal, _Steps]] = {
    Signal.COUPONS_PER_HOUR: ((200, 80), (60, 50), (20, 20)),
    Signal.QUICK_WINS: ((10, 80), (6, 50), (MIN_QUICK_WINS, 30)),
    Signal.UNPAID_LOCKS: ((10, 60), (6, 40), (3, 20)),
    Signal.WRONG_CODES: ((100, 80), (30, 40), (10, 20)),
    Signal.NEW_ACCOUNTS: ((500, 80), (100, 50), (20, 20)),
}
LEVELS: Final[tuple[tuple[int, Level], ...]] = (
    (80, Level.BLOCK),
    (50, Level.SLOW),
    (20, Level.WATCH),
)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One count of one subject. Of quick wins: `of` all wins of the student in the hour, and the quick ones
    and all among the `others` of the same drops."""

    kind: Watched
    value: str
    signal: Signal
    count: int
    of: int | None = None
    others: tuple[int, int] | None = None

    @property
    def usual_percent(self) -> int | None:
        """The share of quick wins among the others of the same drops, in percent."""
        if self.others is None or self.others[1] == 0:
            return None
        return self.others[0] * 100 // self.others[1]


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason for points: a signal, what was counted, and the points for it."""

    signal: Signal
    count: int
    points: int
    of: int | None = None
    usual_percent: int | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """All points of one subject, with their reasons, most points first."""

    kind: Watched
    value: str
    points: int
    level: Level
    reasons: tuple[Reason, ...]


def assess(sightings: Iterable[Sighting]) -> list[Assessment]:
    """Return an assessment of each subject whose points reach a level."""
    reasons: dict[tuple[Watched, str], list[Reason]] = {}
    for one in sightings:
        points = points_of(one)
        if points:
            reason = Reason(one.signal, one.count, points, one.of, one.usual_percent)
            reasons.setdefault((one.kind, one.value), []).append(reason)
    return [_assessment(*subject, found) for subject, found in reasons.items()]


def points_of(sighting: Sighting) -> int:
    """Return the points of one count; 0 where it is no signal."""
    if sighting.signal is Signal.QUICK_WINS and not _is_unusually_quick(sighting):
        return 0
    steps = STEPS[sighting.signal]
    return next((points for least, points in steps if sighting.count >= least), 0)


def _is_unusually_quick(sighting: Sighting) -> bool:
    if sighting.others is None or sighting.others[1] < _OTHERS:
        return False  # nobody to compare with
    is_quick = sighting.count * 100 >= _QUICK_PERCENT * (sighting.of or sighting.count)
    return is_quick and sighting.others[0] * 100 <= USUAL_PERCENT * sighting.others[1]


def _assessment(kind: Watched, value: str, reasons: list[Reason]) -> Assessment:
    points = sum(reason.points for reason in reasons)
    # The smallest step has the points of the lowest level, so there is one.
    level = next(level for least, level in LEVELS if points >= least)
    ordered = sorted(reasons, key=lambda reason: (-reason.points, reason.signal))
    return Assessment(kind, value, points, level, tuple(ordered))
