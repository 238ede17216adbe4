"""The rights of each role in a room that the token names, and in another one."""

import pytest

from server.core.identity import Identity, Role

OWN, OTHER = "math", "art"


def an_identity(role: Role) -> Identity:
    return Identity("ada", role, frozenset({OWN}), frozenset(), expires_at=1)


@pytest.mark.parametrize(
    ("role", "room", "enters", "claims"),
    [
        (Role.STUDENT, OWN, True, True),
        (Role.STUDENT, OTHER, False, False),
        (Role.INSTRUCTOR, OWN, True, False),
        (Role.INSTRUCTOR, OTHER, False, False),
        (Role.OPERATOR, OWN, True, False),
        (Role.OPERATOR, OTHER, True, False),
        (Role.FINANCE, OWN, False, False),
        (Role.FINANCE, OTHER, False, False),
        (Role.SERVICE, OWN, False, False),
        (Role.SERVICE, OTHER, False, False),
        (Role.SCREEN, OWN, True, False),
        (Role.SCREEN, OTHER, False, False),
    ],
)
def test_a_role_may_do_what_it_is_for(role: Role, room: str, enters: bool, claims: bool) -> None:
    identity = an_identity(role)

    assert identity.may_enter(room) is enters
    assert identity.may_claim_in(room) is claims


@pytest.mark.parametrize("role", list(Role))
def test_only_a_teacher_sees_less_than_all_rooms(role: Role) -> None:
    limit = frozenset({OWN}) if role is Role.INSTRUCTOR else None

    assert an_identity(role).limited_to == limit
