"""Identities: who somebody is, and what their token lets them do.

Made by `server.tokens` from a JWT; checked by the gateway and the API before anything is done on behalf of
its subject (promise I9).
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from server.core.room_names import LINK_MARK


class Role(StrEnum):
    """The roles of tokens. `screen`: what a class sees on the wall; it reads its rooms and does nothing.
    `support`: finds what a student asks about, and gives a few coupons a day."""

    STUDENT = "student"
    INSTRUCTOR = "instructor"
    OPERATOR = "operator"
    FINANCE = "finance"
    SERVICE = "service"
    SCREEN = "screen"
    SUPPORT = "support"


# Tokens of the other roles name no rooms and are valid in all of them.
ROLES_WITH_ROOMS: Final = frozenset({Role.STUDENT, Role.INSTRUCTOR, Role.SCREEN})

# Rights beyond a role (`may` of a token), and the role that each of them adds to.
RIGHTS: Final = MappingProxyType({"offer": Role.STUDENT, "approve": Role.OPERATOR})


@dataclass(frozen=True, slots=True)
class Identity:
    """The claims of a token. `expires_at` in ms includes the leeway: the token is good while `now_ms` is
    below it. `device` and `person` are hashes that the school makes, for limits beyond one account.
    `token_id` and `made_at` (ms; 0 where the token does not say) are what a revocation names it by. `may` are
    rights beyond the role: `offer` makes a student of a room a teaching assistant."""

    subject: str
    role: Role
    rooms: frozenset[str]
    tags: frozenset[str]
    expires_at: int
    name: str | None = None
    device: str | None = None
    person: str | None = None
    is_new: bool = False
    token_id: str | None = None
    made_at: int = 0
    may: frozenset[str] = frozenset()

    @property
    def limited_to(self) -> frozenset[str] | None:
        """The rooms that limit what a teacher sees in lists and reports; None for roles that see all."""
        return self.rooms if self.role is Role.INSTRUCTOR else None

    def may_enter(self, room: str) -> bool:
        """Return whether the subject may be in the room and see its drops. Operators may be in any room."""
        return self.role is Role.OPERATOR or (self.role in ROLES_WITH_ROOMS and room in self.rooms)

    def may_claim_in(self, room: str) -> bool:
        """Return whether the subject may claim in the room. The room of a link is open to every student."""
        is_open_to = room in self.rooms or room.startswith(LINK_MARK)
        return self.role is Role.STUDENT and is_open_to
