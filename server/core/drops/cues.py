"""Cues: when a prepared drop opens by itself.

A drop has at most one, and opens by it once. Used by the flows of drops (`at` of a new drop) and by those of
the running order, which is all cues of a room in their order.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class CueKind(StrEnum):
    """The kind of moment that a cue waits for: a time of day, a minute of the class, a second of the video,
    or a person."""

    AT = "at"
    MINUTE = "minute"
    VIDEO = "video_seconds"
    HAND = "hand"


class CueState(StrEnum):
    """`missed`: its moment was over by more than LATE_MS when somebody could look. `refused`: the drop could
    not be opened, for the reason beside it."""

    WAITING = "waiting"
    FIRED = "fired"
    MISSED = "missed"
    REFUSED = "refused"


# After an outage a drop still opens this late. What is later has lost its moment in the lesson: a teacher
# decides, and the page says so.
LATE_MS: Final = 120_000
MAX_MINUTE: Final = 24 * 60
MAX_VIDEO_SECONDS: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Cue:
    """`value`: ms UTC for `at`, minutes from the start of the class, seconds of the video, 0 for `hand`."""

    kind: CueKind
    value: int = 0
