"""What a tap can be answered with, and which of these are final.

The desk decides (desk/claim.lua answers with these words), the gateway and the API pass it on.
"""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    WON = "won"
    ALREADY_WON = "already_won"
    LIMIT_REACHED = "limit_reached"
    SOLD_OUT = "sold_out"
    NOT_OPEN = "not_open"
    CLOSED = "closed"
    NOT_ELIGIBLE = "not_eligible"
    RATE_LIMITED = "rate_limited"
    RETRY = "retry"
    RELEASED = "released"

    @property
    def is_answer(self) -> bool:
        """False where the same request id is to be sent again after `retry_after_ms`."""
        return self not in (Outcome.RATE_LIMITED, Outcome.RETRY)


class ClaimState(StrEnum):
    """A claim as the student sees it. `won`: on the desk; `confirmed`: in the ledger too."""

    WON = "won"
    CONFIRMED = "confirmed"
    RELEASED = "released"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a drop is for. Empty = everybody in the room; else one of the tags or named."""

    tags: frozenset[str] = frozenset()
    students: frozenset[str] = frozenset()

    @property
    def is_everybody(self) -> bool:
        return not self.tags and not self.students

    def admits(self, student: str, tags: frozenset[str]) -> bool:
        return self.is_everybody or student in self.students or not self.tags.isdisjoint(tags)
