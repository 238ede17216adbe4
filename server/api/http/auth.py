"""Authentication and authorization, decided before a byte of the body is read (promise I9).

Called by `dispatch.py`. The rules are data, so that the OpenAPI document states the same ones.
"""

from dataclasses import dataclass

from server.core.identity import ROLES_WITH_ROOMS, Identity, Role
from server.core.refusals import Code, Refused
from server.tokens import TokenExpiredError, TokenInvalidError, TokenKeys


@dataclass(frozen=True, slots=True)
class Rule:
    """The roles that may use an endpoint. Where its path names a room, the token must name it too.
    `right`: what a token of the role `right_of` must have in `may`."""

    roles: frozenset[Role]
    right: str | None = None
    right_of: Role = Role.STUDENT

    def refusal(self, identity: Identity, room: str | None) -> Refused | None:
        if identity.role not in self.roles:
            return Refused(Code.WRONG_ROLE, f"for {self.words()} only")
        needs_right = identity.role is self.right_of and self.right is not None
        if needs_right and self.right not in identity.may:
            detail = f"for a token of role {self.right_of} that may {self.right}"
            return Refused(Code.WRONG_ROLE, detail)
        if room is None or identity.role not in ROLES_WITH_ROOMS or room in identity.rooms:
            return None
        return Refused(Code.WRONG_ROOM)

    def words(self) -> str:
        return ", ".join(role for role in Role if role in self.roles)


def _rule(*roles: Role) -> Rule:
    return Rule(frozenset(roles))


# An operator may do all that an instructor may; finance reads only (contract, Settings).
OPERATOR = _rule(Role.OPERATOR)
OPERATOR_READ = _rule(Role.OPERATOR, Role.FINANCE)
INSTRUCTOR = _rule(Role.INSTRUCTOR, Role.OPERATOR)
INSTRUCTOR_READ = _rule(Role.INSTRUCTOR, Role.OPERATOR, Role.FINANCE)
SCREEN_READ = _rule(Role.SCREEN, Role.INSTRUCTOR, Role.OPERATOR, Role.FINANCE)
STUDENT = _rule(Role.STUDENT)
ASSISTANT = Rule(frozenset({Role.STUDENT, Role.INSTRUCTOR, Role.OPERATOR}), right="offer")
ASSISTANT_READ = Rule(ASSISTANT.roles | {Role.FINANCE}, right="offer")
# Support works at the school's help desk: it reads what a student asks about.
DESK_READ = _rule(Role.OPERATOR, Role.FINANCE, Role.SUPPORT)
APPROVER = Rule(frozenset({Role.OPERATOR}), right="approve", right_of=Role.OPERATOR)
ANYBODY = _rule(*(role for role in Role if role not in (Role.SCREEN, Role.SUPPORT)))
SPINS_READ = _rule(Role.STUDENT, Role.OPERATOR, Role.FINANCE)
# Whoever is in the room of a drop, and the school's staff. Where the path names no room, the handler checks
# it.
ANYONE_OF_ROOM = _rule(Role.STUDENT, Role.INSTRUCTOR, Role.OPERATOR, Role.FINANCE)
BUYER = _rule(Role.STUDENT, Role.SERVICE)
SERVICE = _rule(Role.SERVICE)
SCHOOL = _rule(Role.SERVICE, Role.OPERATOR)
SERVICE_READ = _rule(Role.SERVICE, Role.FINANCE)
SENDER = _rule(Role.SERVICE, Role.OPERATOR)
OFFICE_READ = _rule(Role.SERVICE, Role.OPERATOR, Role.FINANCE)
ORDER_READ = _rule(Role.SERVICE, Role.OPERATOR, Role.FINANCE, Role.SUPPORT)
# What support may do of it, the handlers say: issue a few coupons a day, preview a refund.
ISSUER = _rule(Role.SERVICE, Role.OPERATOR, Role.SUPPORT)
REFUNDER = ISSUER
BATCH_READ = _rule(Role.INSTRUCTOR, Role.OPERATOR, Role.FINANCE, Role.SUPPORT)


def identify(keys: TokenKeys, authorization: str | None, now_ms: int) -> Identity | Refused:
    """Return whose token it is, or a 401 refusal; `authorization` is the header's value.

    The refusal names the fault of the token, for the school's developers. Of a token whose signature is
    wrong it repeats no claim: anybody may have written that.
    """
    scheme, _, token = (authorization or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        return Refused(Code.TOKEN_MISSING, "send Authorization: Bearer <token>")
    try:
        return keys.verify(token, now_ms)
    except TokenExpiredError:
        return Refused(Code.TOKEN_EXPIRED)
    except TokenInvalidError as error:
        return Refused(Code.TOKEN_INVALID, f"the token is not good: {error}", _facts_of(error))


def _facts_of(error: TokenInvalidError) -> dict[str, object]:
    claim = {"claim": error.claim} if error.claim else {}
    return {"reason": error.reason.value, **claim}
