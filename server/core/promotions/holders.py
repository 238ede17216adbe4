"""Holders: the person and the device behind an account, whose claims of a batch are counted together.

The school puts a hash of each into a student's token. Used by every way in which a coupon gets to a student:
taps, codes and issuances. The desk counts first, and the ledger refuses by itself.
"""

from enum import StrEnum
from typing import NamedTuple

from server.core.promotions.batches import Batch


class HolderKind(StrEnum):
    """The kind of a holder; a refusal names it in `limit`."""

    PERSON = "person"
    DEVICE = "device"


class HolderLimit(NamedTuple):
    """A limit beyond the account: `most` claims of the batch for all accounts of the holder."""

    kind: HolderKind
    holder: str
    most: int


def holder_limits(batch: Batch, person: str | None, device: str | None) -> list[HolderLimit]:
    """Return the limits that a claim counts for, where the batch has them and the token says for whom."""
    found = []
    if person and batch.per_person is not None:
        found.append(HolderLimit(HolderKind.PERSON, person, batch.per_person))
    if device and batch.per_device is not None:
        found.append(HolderLimit(HolderKind.DEVICE, device, batch.per_device))
    return found
