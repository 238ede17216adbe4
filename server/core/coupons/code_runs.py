"""Codes that an operator makes of a batch without a drop: what may be asked for, and how far it is.

Asked by flows/coupons/codes.py, stored by ledger/coupons/codes.py, shown by the API. The units are the
batch's from the moment they are asked for; the codes follow.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from server.core.promotions.batches import Batch
from server.core.promotions.template_rules import amount_violations
from server.core.refusals import Code, Refused
from server.core.violations import Violation

MAX_CODES: Final = 100_000  # in one run


class Source(StrEnum):
    """`list`: printed or sent; `link`: behind a page's link. The same to everything but reports."""

    LIST = "list"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class CodeRun:
    """`made` of `quantity` codes are there."""

    id: str
    batch_id: str
    source: Source
    quantity: int
    created_by: str
    created_at: int
    made: int = 0

    @property
    def is_done(self) -> bool:
        return self.made == self.quantity


class CodeState(StrEnum):
    """As an operator is told it: nobody's yet, or what its student would be told; `voided` by name."""

    UNBOUND = "unbound"
    USABLE = "usable"
    LOCKED = "locked"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    RELEASED = "released"
    REVOKED = "revoked"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class ListedCode:
    """`student`, `bound_at` and the window are None until somebody has bound it."""

    id: str
    code: str
    source: str
    state: CodeState
    created_at: int
    student: str | None = None
    bound_at: int | None = None
    valid_from: int | None = None
    valid_until: int | None = None


def quantity_violations(quantity: int) -> Iterator[Violation]:
    yield from amount_violations("quantity", quantity, 1, MAX_CODES)


def binding_refusal(batch: Batch, now: int) -> Refused | None:
    """A code is claimed when it is bound: within the batch's claim window."""
    window = batch.claim_window
    if window is None or window.from_at <= now < window.until_at:
        return None
    when = "can no longer" if now >= window.until_at else "cannot yet"
    return Refused(Code.WRONG_STATE, f"the code {when} be put into a wallet")
