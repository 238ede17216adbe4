"""Code runs: codes that an operator asks for without a drop; what may be asked for, and how far a run is.

Used by flows/coupons/codes.py, stored by ledger/coupons/codes.py, published by the API. A run takes its
units from the batch at once; its codes are made afterwards, piece by piece.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from server.core.promotions.batches import Batch
from server.core.promotions.template_rules import amount_violations, metadata_violations
from server.core.refusals import Code, Refused
from server.core.violations import Violation

MAX_CODES: Final = 100_000  # of one run


class Source(StrEnum):
    """The way in which codes go out. `list`: printed or sent; `link`: behind a link on a page. Only reports
    tell them apart."""

    LIST = "list"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class CodeRun:
    """A run of codes; `made` of `quantity` exist."""

    id: str
    batch_id: str
    source: Source
    quantity: int
    created_by: str
    created_at: int
    made: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        return self.made == self.quantity


class CodeState(StrEnum):
    """The state of a code as operators see it: `unbound`, or what its student would see, but `voided` by
    that name."""

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
    """A code in an operator's list. `student`, `bound_at` and the window are None until it is bound."""

    id: str
    code: str
    source: str
    state: CodeState
    created_at: int
    student: str | None = None
    bound_at: int | None = None
    valid_from: int | None = None
    valid_until: int | None = None


def run_violations(quantity: int, metadata: Mapping[str, str]) -> Iterator[Violation]:
    """Yield everything that is wrong with a request for codes."""
    yield from amount_violations("quantity", quantity, 1, MAX_CODES)
    yield from metadata_violations("metadata", metadata)


def binding_refusal(batch: Batch, now: int) -> Refused | None:
    """Return why a code cannot be bound now; None if it can. A code is claimed when it is bound, so this
    must be within the batch's claim window."""
    window = batch.claim_window
    if window is None or window.from_at <= now < window.until_at:
        return None
    when = "can no longer" if now >= window.until_at else "cannot yet"
    return Refused(Code.WRONG_STATE, f"the code {when} be put into a wallet")
