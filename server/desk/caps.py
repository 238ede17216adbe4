"""What a student's coupons are counted for on the desk, and the keys of it.

Made by flows/coupons/load_caps.py from a batch; read by drop_desk.py, whose `take_slots` takes a slot of
each, and by cap_loader.py, which brings to the desk what the ledger knows of them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from server.core.ids import Slot
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
    slots: Mapping[CapName, Slot]


@dataclass(frozen=True, slots=True)
class CapsMissing:
    """The desk does not know yet all that students have used: it has to be loaded first. `load`: the name of
    the desk's own load (caps.lua)."""

    load: str


@dataclass(frozen=True, slots=True)
class KnownUnused:
    """When the desk of this shard was of `epoch`, nobody had used any of these."""

    epoch: int
    names: frozenset[CapName]


def load_name(epoch: int, run_id: str) -> str:
    """The name of a load of the desk: no other load has it, not even after an older ledger was restored."""
    return f"{epoch}.{run_id[:16]}"


def dump_slots(slots: Collection[int]) -> str:
    """As a caps hash has them."""
    return "," + "".join(f"{slot}," for slot in slots)


def key_of(name: CapName, batch_or_campaign: str, keys: ShardKeys) -> str:
    match name:
        case CapName.BATCH:
            return keys.caps(batch_or_campaign)
        case CapName.CAMPAIGN:
            return keys.campaign_caps(batch_or_campaign)
