"""Identities: who somebody is, and what their token lets them do.

Made by `server.tokens` from a JWT; checked by the gateway and the API before anything is done on behalf of
its subject (promise I9).
"""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    STUDENT = "student"
    INSTRUCTOR = "instructor"
    OPERATOR = "operator"
    FINANCE = "finance"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Identity:
    """The claims of a token. `expires_at` in ms includes the leeway: the token is good while `now_ms` is
    below it. `device` and `person` are hashes that the school makes, for limits beyond one account."""

    subject: str
    role: Role
    rooms: frozenset[str]
    tags: frozenset[str]
    expires_at: int
    name: str | None = None
    device: str | None = None
    person: str | None = None
    is_new: bool = False

    def may_enter(self, room: str) -> bool:
        """Return whether the subject may be in the room and see its drops. Operators may be in any room."""
        return self.role is Role.OPERATOR or (
            self.role in (Role.STUDENT, Role.INSTRUCTOR) and room in self.rooms
        )

    def may_claim_in(self, room: str) -> bool:
        """Return whether the subject may claim in the room."""
        return self.role is Role.STUDENT and room in self.rooms
