"""Splits: the share of all students that a batch in an experiment is for, found by a hash.

Part of the claim conditions of a batch (`claim_conditions.py`), so each way to a coupon keeps to it. Made by
core/experiments. Who is in which share is known without asking anybody, and stays.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

PLACES: Final = 10_000
_REMEMBERED: Final = 65_536  # students: some 10 MB, where an experiment runs


@lru_cache(maxsize=_REMEMBERED)  # a room asks for each of its students with each broadcast
def place_of(experiment_id: str, student: str) -> int:
    """Return the student's place in the experiment, 0 to 9,999: the first 8 bytes, big-endian, of SHA-256 of
    `experiment|` id `|` student, modulo 10,000.
    """
    digest = hashlib.sha256(f"experiment|{experiment_id}|{student}".encode()).digest()
    return int.from_bytes(digest[:8]) % PLACES


@dataclass(frozen=True, slots=True)
class Split:
    """The students whose places are in [from_place, until_place). Places below `held_out` are in no share."""

    experiment_id: str
    from_place: int
    until_place: int
    held_out: int = 0

    def admits(self, student: str) -> bool:
        return self.from_place <= place_of(self.experiment_id, student) < self.until_place

    def leaves_out(self, student: str) -> bool:
        """Return whether the student gets nothing in the experiment, to be compared with the others."""
        return place_of(self.experiment_id, student) < self.held_out


def split_to_json(split: Split) -> dict[str, object]:
    """Return the split as the ledger and the feed keep it."""
    return {
        "experiment": split.experiment_id,
        "from": split.from_place,
        "until": split.until_place,
        "held_out": split.held_out,
    }


def read_split(stored: Any) -> Split | None:
    """Read what `split_to_json` wrote."""
    if stored is None:
        return None
    return Split(stored["experiment"], stored["from"], stored["until"], stored["held_out"])
