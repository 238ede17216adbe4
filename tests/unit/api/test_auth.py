import pytest

from server.api.http import auth
from server.api.http.auth import Rule
from server.core.identity import Identity, Role
from server.core.refusals import Code, Refused
from server.tokens import TokenKeys

KEYS = TokenKeys(["a-secret-that-is-long-enough-for-a-test"])
NOW_S = 1_800_000_000


def _identity(role: Role, *rooms: str) -> Identity:
    return Identity("someone", role, frozenset(rooms), frozenset(), 0)


def _token(**claims: object) -> str:
    return KEYS.sign({"sub": "ann", "role": "student", "exp": NOW_S, **claims})


def _code(authorization: str | None, now_s: int = NOW_S) -> Code:
    found = auth.identify(KEYS, authorization, now_s * 1000)
    assert isinstance(found, Refused)
    return found.code


def test_a_good_token_says_who_asks() -> None:
    found = auth.identify(KEYS, f"Bearer {_token()}", NOW_S * 1000)
    assert isinstance(found, Identity)
    assert found.subject == "ann"


def test_the_scheme_is_read_as_http_reads_it() -> None:
    assert isinstance(auth.identify(KEYS, f"bearer  {_token()}", NOW_S * 1000), Identity)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "abc"])
def test_no_bearer_token_is_a_missing_token(header: str | None) -> None:
    assert _code(header) is Code.TOKEN_MISSING


@pytest.mark.parametrize("token", ["abc", "a.b.c", "x" * 5_000, _token()[:-2] + "AA"])
def test_what_we_did_not_sign_is_invalid(token: str) -> None:
    assert _code(f"Bearer {token}") is Code.TOKEN_INVALID


def test_a_token_is_expired_a_minute_after_its_time() -> None:
    assert _code(f"Bearer {_token()}", NOW_S + 60) is Code.TOKEN_EXPIRED


def test_a_refusal_never_repeats_the_token() -> None:
    token = _token()
    found = auth.identify(KEYS, f"Bearer {token}", (NOW_S + 99) * 1000)
    assert isinstance(found, Refused)
    assert token not in f"{found.detail}{found.facts}"


@pytest.mark.parametrize(
    ("rule", "role", "rooms", "refused"),
    [
        (auth.INSTRUCTOR, Role.INSTRUCTOR, ["r"], None),
        (auth.INSTRUCTOR, Role.INSTRUCTOR, ["other"], Code.WRONG_ROOM),
        (auth.INSTRUCTOR, Role.OPERATOR, [], None),
        (auth.INSTRUCTOR, Role.STUDENT, ["r"], Code.WRONG_ROLE),
        (auth.INSTRUCTOR, Role.FINANCE, [], Code.WRONG_ROLE),
        (auth.INSTRUCTOR_READ, Role.FINANCE, [], None),
        (auth.STUDENT, Role.STUDENT, ["r"], None),
        (auth.STUDENT, Role.STUDENT, [], Code.WRONG_ROOM),
        (auth.STUDENT, Role.OPERATOR, ["r"], Code.WRONG_ROLE),
        (auth.OPERATOR, Role.INSTRUCTOR, ["r"], Code.WRONG_ROLE),
        (auth.OPERATOR, Role.SERVICE, [], Code.WRONG_ROLE),
        (auth.SERVICE, Role.SERVICE, [], None),
    ],
)
def test_role_and_room_decide(
    rule: Rule, role: Role, rooms: list[str], refused: Code | None
) -> None:
    found = rule.refusal(_identity(role, *rooms), "r")
    assert (found.code if found else None) is refused


def test_a_path_without_a_room_asks_for_none() -> None:
    assert auth.INSTRUCTOR.refusal(_identity(Role.INSTRUCTOR), None) is None
