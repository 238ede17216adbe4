"""What a student's coupons are counted for on the desk, and the keys of it.

Made by flows/bind_code.py for a code that is bound; read by drop_desk.py, whose `take_slots` takes a slot of
each.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from server.desk.keys import ShardKeys


class CapName(StrEnum):
    """As a refusal says which of them is used up (`limit`)."""

    BATCH = "batch"
    CAMPAIGN = "campaign"


@dataclass(frozen=True, slots=True)
class Cap:
    """`id`: of the batch or the campaign. `most`: how many of it a student may have."""

    name: CapName
    id: str
    most: int


@dataclass(frozen=True, slots=True)
class TakenSlots:
    """`epoch`: which load of the desk gave them."""

    epoch: int
    slots: Mapping[CapName, int]


def key_of(name: CapName, batch_or_campaign: str, keys: ShardKeys) -> str:
    match name:
        case CapName.BATCH:
            return keys.caps(batch_or_campaign)
        case CapName.CAMPAIGN:
            return keys.campaign_caps(batch_or_campaign)
