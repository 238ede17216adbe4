"""What students are told of their coupons, on the channel that all gateways hear. Published by feed.py."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from server.core.ids import StudentId


class CouponChange(NamedTuple):
    """`frame`: the `coupon_changed` that its student is told."""

    student: StudentId
    frame: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Changes:
    """The coupons that were told of in one go. `offset` counts these alone, over all rooms."""

    epoch: str
    offset: int
    changes: tuple[CouponChange, ...]


def load_changes(message: Mapping[str, Any]) -> Changes:
    told = tuple(CouponChange(student, frame) for student, frame in message["claims"])
    return Changes(str(message["epoch"]), int(message["offset"]), told)
