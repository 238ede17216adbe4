"""Caps: how many claims of a batch a student, a person and a device may have, and a student of a campaign;
and the keys that count them.

Made by flows/coupons/load_caps.py from a batch. Read by drop_desk.py, whose `take_slots` takes a slot of each
cap, and by cap_loader.py, which loads the slots that the ledger knows.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from server.core.ids import Slot, StudentId
from server.desk.keys import ShardKeys


class CapName(StrEnum):
    """The kind of a cap; a refusal names it in `limit`."""

    BATCH = "batch"
    CAMPAIGN = "campaign"
    PERSON = "person"
    DEVICE = "device"


@dataclass(frozen=True, slots=True)
class Cap:
    """One cap. `id` is that of the batch or campaign. `most`: how many claims of it a student may have, or
    whoever `holder` names: the hash of a person or a device.
    """

    name: CapName
    id: str
    most: int
    holder: str = ""

    def field_of(self, student: StudentId) -> str:
        """Return the field of the caps hash that has the used slots."""
        return field_of(self.name, self.holder or student)


@dataclass(frozen=True, slots=True)
class TakenSlots:
    """The slot that was taken of each cap, and the epoch of the desk that gave them."""

    epoch: int
    slots: Mapping[CapName, Slot]


@dataclass(frozen=True, slots=True)
class CapsMissing:
    """The desk does not know all used slots yet: load the caps first. `load` names the desk's current load
    (caps.lua).
    """

    load: str


@dataclass(frozen=True, slots=True)
class KnownUnused:
    """Caps of which no slot was used when the desk of the shard had this epoch."""

    epoch: int
    names: frozenset[CapName]


def load_name(epoch: int, run_id: str) -> str:
    """Return the name of a load of the desk. It is unique: the run id differs even where a restored ledger
    counts the same epoch again.
    """
    return f"{epoch}.{run_id[:16]}"


def dump_slots(slots: Collection[int]) -> str:
    """Return the slots as a caps hash stores them: ",1,2,"."""
    return "," + "".join(f"{slot}," for slot in slots)


def caps_to_open(batch_id: str, limited_campaign: str | None) -> list[tuple[CapName, str]]:
    """Return the caps that a drop's opening needs, in the order of open.lua. That of the batch has the slots
    of its students, persons and devices.
    """
    caps = [(CapName.BATCH, batch_id)]
    return caps if limited_campaign is None else [*caps, (CapName.CAMPAIGN, limited_campaign)]


def key_of(name: CapName, batch_or_campaign: str, keys: ShardKeys) -> str:
    match name:
        case CapName.CAMPAIGN:
            return keys.campaign_caps(batch_or_campaign)
        case CapName.BATCH | CapName.PERSON | CapName.DEVICE:
            return keys.caps(batch_or_campaign)


def field_of(name: CapName, holder: str) -> str:
    """Return the field of a caps hash, as claim.lua makes it. No student's id contains a "|"."""
    match name:
        case CapName.PERSON:
            return f"p|{holder}"
        case CapName.DEVICE:
            return f"d|{holder}"
        case CapName.BATCH | CapName.CAMPAIGN:
            return holder
