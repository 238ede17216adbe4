"""Who somebody is and what their token lets them do.

Made by `server.tokens` from a JWT, asked by the gateway and the API before anything is done on
somebody's behalf (promise I9).
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
    """`expires_at` in ms already holds the leeway: the token is good while `now_ms` is below it.
    `device` and `person` are the school's hashes, for limits beyond the account."""

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
        """Sit in the room: see its drops. Operators may be in any room."""
        return self.role is Role.OPERATOR or (
            self.role in (Role.STUDENT, Role.INSTRUCTOR) and room in self.rooms
        )

    def may_claim_in(self, room: str) -> bool:
        return self.role is Role.STUDENT and room in self.rooms
