"""Stops: claims, use, or both, of a batch, a campaign or everything are stopped until they are resumed.

Written by flows/promotions/stops.py; checked by every flow that lets coupons go out or be used.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

EVERYTHING: Final = "all"  # the target that is not an id


class Stoppable(StrEnum):
    """The things that may be stopped."""

    CAMPAIGN = "campaign"
    BATCH = "batch"
    EVERYTHING = "everything"


MAX_REASON: Final = 200


@dataclass(frozen=True, slots=True)
class StopState:
    """The stop of one target: what is stopped and why, by whom and when that was last changed."""

    target: str
    claims: bool = False
    use: bool = False
    reason: str = ""
    changed_by: str = ""
    changed_at: int = 0


@dataclass(frozen=True, slots=True)
class StopForm:
    """A request to stop or resume. `id`: of the campaign or batch."""

    kind: Stoppable
    id: str
    claims: bool
    use: bool
    reason: str = ""

    @property
    def target(self) -> str:
        return EVERYTHING if self.kind is Stoppable.EVERYTHING else self.id
