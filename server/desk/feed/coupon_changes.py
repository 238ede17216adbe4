"""The messages about changed coupons, on the channel that every gateway hears. Published by feed.py."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from server.core.ids import StudentId


class CouponChange(NamedTuple):
    """One changed coupon: its student and the `coupon_changed` frame for them."""

    student: StudentId
    frame: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Changes:
    """The coupons of one publication. `offset` counts publications of changes, over all rooms."""

    epoch: str
    offset: int
    changes: tuple[CouponChange, ...]


def load_changes(message: Mapping[str, Any]) -> Changes:
    """Parse a message of publish_losses.lua of the kind `changed`."""
    changes = tuple(CouponChange(student, frame) for student, frame in message["claims"])
    return Changes(str(message["epoch"]), int(message["offset"]), changes)
