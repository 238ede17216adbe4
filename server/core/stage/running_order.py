"""The moments of a room's running order: when an entry is due, and when its moment is over.

Used by the worker that fires entries and by whoever shows the order. A hold stops everything; while it lasts
the minutes of the class stand still, the clock and the video do not.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from server.core.drops.cues import LATE_MS, MAX_MINUTE, MAX_VIDEO_SECONDS, Cue, CueKind

MAX_ENTRIES: Final = 100
_MINUTE_MS: Final = 60_000


class Verdict(StrEnum):
    """The verdict on a waiting entry."""

    WAIT = "wait"
    FIRE = "fire"
    MISS = "miss"


@dataclass(frozen=True, slots=True)
class Stage:
    """The state of the class of a room; instants in ms. `video_at`: when the player told its position.

    `started_at` is moved on by each hold, so that it counts the minutes that the class has really had.
    """

    room: str
    started_at: int | None = None
    started_by: str | None = None
    held_at: int | None = None
    held_by: str | None = None
    video_seconds: int | None = None
    video_at: int | None = None

    @property
    def is_held(self) -> bool:
        return self.held_at is not None


def order_version(entries: Iterable[tuple[str, Cue]]) -> str:
    """Return the version of an order, of its drops and cues in their places: 16 hexadecimal digits.

    The same order has the same version, whoever wrote it: who writes over it then loses nothing. What an
    entry has become, fired or missed, is no part of it.
    """
    lines = "".join(f"{drop_id}|{cue.kind}|{cue.value}\n" for drop_id, cue in entries)
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def due_at(cue: Cue, stage: Stage) -> int | None:
    """Return when the entry fires (ms); None where no clock says so: a video, a person, a class that has not
    begun."""
    if cue.kind is CueKind.AT:
        return cue.value
    if cue.kind is CueKind.MINUTE and stage.started_at is not None:
        return stage.started_at + cue.value * _MINUTE_MS
    return None


def judge(cue: Cue, written_at: int, stage: Stage, now: int) -> Verdict:
    """Return what is to be done with a waiting entry. `written_at`: positions of the video from before count
    for nothing."""
    late = None if stage.is_held else _late_ms(cue, written_at, stage, now)
    if late is None or late < 0:
        return Verdict.WAIT
    return Verdict.FIRE if late <= LATE_MS else Verdict.MISS


def resumed(stage: Stage, now: int) -> Stage:
    """Return the stage after its hold."""
    started = stage.started_at
    if started is not None and stage.held_at is not None:
        started += max(0, now - max(stage.held_at, started))
    return replace(stage, started_at=started, held_at=None, held_by=None)


def value_fault(cue: Cue, now: int) -> str | None:
    """Return the code of what is wrong with the moment of a new entry; None if nothing is."""
    if cue.value < 0:
        return "too_small"
    if cue.kind is CueKind.AT and cue.value <= now:
        return "in_the_past"
    most = {CueKind.MINUTE: MAX_MINUTE, CueKind.VIDEO: MAX_VIDEO_SECONDS}.get(cue.kind)
    return "too_large" if most is not None and cue.value > most else None


def _late_ms(cue: Cue, written_at: int, stage: Stage, now: int) -> int | None:
    if cue.kind is CueKind.VIDEO:
        if stage.video_seconds is None or (stage.video_at or 0) < written_at:
            return None
        return (stage.video_seconds - cue.value) * 1000
    due = due_at(cue, stage)
    return None if due is None else now - due
