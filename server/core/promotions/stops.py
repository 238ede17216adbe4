"""The switch that stops: claims, use, or both, of a batch, a campaign or everything.

Written by flows/promotions/stops.py, asked by whoever lets coupons go out or be used.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

EVERYTHING: Final = "all"  # the target that is no id


class Stoppable(StrEnum):
    CAMPAIGN = "campaign"
    BATCH = "batch"
    EVERYTHING = "everything"


MAX_REASON: Final = 200


@dataclass(frozen=True, slots=True)
class StopState:
    """What is stopped of one target, and why, by whom and when it was changed last."""

    target: str
    claims: bool = False
    use: bool = False
    reason: str = ""
    changed_by: str = ""
    changed_at: int = 0


@dataclass(frozen=True, slots=True)
class StopForm:
    """Of what, and which of the two are to change; the other stays as it is. `id`: of the campaign or
    batch."""

    kind: Stoppable
    id: str

    claims: bool
    use: bool
    reason: str = ""

    @property
    def target(self) -> str:
        return EVERYTHING if self.kind is Stoppable.EVERYTHING else self.id
