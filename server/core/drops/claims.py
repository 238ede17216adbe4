"""The outcomes of a claim, the states of a claim, and the audience of a drop.

The desk decides (desk/scripts/claim.lua replies with these words); the gateway and the API pass the outcome
on.
"""

from dataclasses import dataclass
from enum import StrEnum

from server.core.promotions.claim_conditions import ANYBODY, ClaimConditions


class Outcome(StrEnum):
    """The result of a claim request."""

    WON = "won"
    ALREADY_WON = "already_won"
    ENTERED = "entered"  # in the draw, whose winners are not known yet
    LIMIT_REACHED = "limit_reached"
    SOLD_OUT = "sold_out"
    NOT_OPEN = "not_open"
    CLOSED = "closed"
    NOT_ELIGIBLE = "not_eligible"
    RATE_LIMITED = "rate_limited"
    RETRY = "retry"
    RELEASED = "released"
    TASK_OPEN = "task_open"  # the drop has a task, and the student has not done it
    BLOCKED = "blocked"  # an operator has blocked the account: what it has stays

    # Replies are looked up by outcome, for each claim; the hash of Enum would be a Python call.
    __hash__ = str.__hash__

    @property
    def is_final(self) -> bool:
        """False if the same request id is to be sent again after `retry_after_ms`."""
        return self not in (Outcome.RATE_LIMITED, Outcome.RETRY)


class ClaimState(StrEnum):
    """The state of a claim as its student sees it. `entered`: in a draw; `won`: on the desk; `confirmed`: in
    the ledger too."""

    ENTERED = "entered"
    WON = "won"
    CONFIRMED = "confirmed"
    RELEASED = "released"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Audience:
    """The students that a drop is for. Empty: everybody in the room; else students with one of the tags, or
    named ones. They must meet the conditions of the batch as well."""

    tags: frozenset[str] = frozenset()
    students: frozenset[str] = frozenset()
    conditions: ClaimConditions = ANYBODY

    @property
    def is_everybody(self) -> bool:
        return not self.tags and not self.students and self.conditions.is_anybody

    def admits(self, student: str, tags: frozenset[str], is_new: bool = False) -> bool:
        """Return whether the student may claim of the drop."""
        if not self.tags and not self.students:
            # The usual case first: this runs for each tap.
            return self.conditions is ANYBODY or self.conditions.admits(student, tags, is_new)
        is_for = student in self.students or not self.tags.isdisjoint(tags)
        return is_for and self.conditions.admits(student, tags, is_new)
