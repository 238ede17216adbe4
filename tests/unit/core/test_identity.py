"""What each role may do in a room that the token names, and in one that it does not."""

import pytest

from server.core.identity import Identity, Role

OWN, OTHER = "math", "art"


def an_identity(role: Role) -> Identity:
    return Identity("ada", role, frozenset({OWN}), frozenset(), expires_at=1)


@pytest.mark.parametrize(
    ("role", "room", "enters", "teaches", "claims"),
    [
        (Role.STUDENT, OWN, True, False, True),
        (Role.STUDENT, OTHER, False, False, False),
        (Role.INSTRUCTOR, OWN, True, True, False),
        (Role.INSTRUCTOR, OTHER, False, False, False),
        (Role.OPERATOR, OWN, True, True, False),
        (Role.OPERATOR, OTHER, True, True, False),
        (Role.FINANCE, OWN, False, False, False),
        (Role.FINANCE, OTHER, False, False, False),
        (Role.SERVICE, OWN, False, False, False),
        (Role.SERVICE, OTHER, False, False, False),
    ],
)
def test_a_role_may_do_what_it_is_for(
    role: Role, room: str, enters: bool, teaches: bool, claims: bool
) -> None:
    identity = an_identity(role)

    assert identity.may_enter(room) is enters
    assert identity.may_teach(room) is teaches
    assert identity.may_claim_in(room) is claims
