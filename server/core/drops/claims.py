"""What a tap can be answered with, and which of these are final.

The desk decides (desk/scripts/claim.lua answers with these words), the gateway and the API pass it on.
"""

from dataclasses import dataclass
from enum import StrEnum

from server.core.promotions.claim_conditions import ANYBODY, ClaimConditions


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

    # Each answer is looked up by its outcome, and the hash that Enum has is a call of its own.
    __hash__ = str.__hash__

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
    """Whom a drop is for. Empty = everybody in the room; else one of the tags or named. Whoever it is
    for must meet the conditions of its batch as well."""

    tags: frozenset[str] = frozenset()
    students: frozenset[str] = frozenset()
    conditions: ClaimConditions = ANYBODY

    @property
    def is_everybody(self) -> bool:
        return not self.tags and not self.students and self.conditions.is_anybody

    def admits(self, student: str, tags: frozenset[str], is_new: bool = False) -> bool:
        if not self.tags and not self.students:
            return self.conditions is ANYBODY or self.conditions.admits(tags, is_new)
        is_for = student in self.students or not self.tags.isdisjoint(tags)
        return is_for and self.conditions.admits(tags, is_new)
