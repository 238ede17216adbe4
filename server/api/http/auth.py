"""Authentication and authorization, decided before a byte of the body is read (promise I9).

Called by `dispatch.py`. The rules are data, so that the OpenAPI document states the same ones.
"""

from dataclasses import dataclass

from server.core.identity import Identity, Role
from server.core.refusals import Code, Refused
from server.tokens import TokenExpiredError, TokenInvalidError, TokenKeys

# Tokens of the other roles name no rooms and are valid in all of them.
_ROLES_WITH_ROOMS = frozenset({Role.STUDENT, Role.INSTRUCTOR})


@dataclass(frozen=True, slots=True)
class Rule:
    """The roles that may use an endpoint. Where its path names a room, the token must name it too."""

    roles: frozenset[Role]

    def refusal(self, identity: Identity, room: str | None) -> Refused | None:
        if identity.role not in self.roles:
            return Refused(Code.WRONG_ROLE, f"for {self.words()} only")
        if room is None or identity.role not in _ROLES_WITH_ROOMS or room in identity.rooms:
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
STUDENT = _rule(Role.STUDENT)
BUYER = _rule(Role.STUDENT, Role.SERVICE)
SERVICE = _rule(Role.SERVICE)
SERVICE_READ = _rule(Role.SERVICE, Role.FINANCE)
OFFICE_READ = _rule(Role.SERVICE, Role.OPERATOR, Role.FINANCE)


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
