"""The public part of a draw, which its room is told: never the seed before the draw, and no student.

Used by drops.RoomDrop. The draw itself is in core/draws.
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

SEED_BYTES: Final = 32
DRAW: Final = "draw"  # the mode of a drop whose winners are drawn


class DrawPhase(StrEnum):
    """The step that a draw has reached. `open`: students enter; `sealed`: no entry can be added or changed
    any more, and the seed is not mixed yet; `drawn`: the winners are known; `aborted`: there are none."""

    OPEN = "open"
    SEALED = "sealed"
    DRAWN = "drawn"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class DrawCard:
    """The public part of a draw. `commitment` is the SHA-256 of the seed. `entries` and `root` are known from
    the seal on, `seed` (all in hexadecimal digits) and `winners`, their number, after the draw or an abort.
    """

    commitment: str
    phase: DrawPhase = DrawPhase.OPEN
    entries: int | None = None
    root: str | None = None
    seed: str | None = None
    winners: int | None = None


def commitment_of(seed: bytes) -> bytes:
    """Return what is published before the first entry: the SHA-256 of the seed."""
    return sha256(seed).digest()
