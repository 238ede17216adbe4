import pytest

from server.commands import CommandError
from server.commands.token import TokenRequest, make_tokens, write_tokens
from server.configuration.settings import read_settings
from server.core.identity import Role
from server.tokens import TokenExpiredError, TokenKeys

SECRET = "k7Jq2-vXw9Zr4Tn8Lm1Pb6Yc3Hd5Gf0Ss"
KEYS = TokenKeys((SECRET,))
NOW_S = 1_800_000_000


def test_token_says_what_was_asked_for() -> None:
    request = TokenRequest(Role.STUDENT, "ann", ("demo", "maths"), ("new",), ttl_seconds=60)

    (token,) = make_tokens(KEYS, request, NOW_S)

    identity = KEYS.verify(token, NOW_S * 1000)
    assert (identity.subject, identity.role) == ("ann", Role.STUDENT)
    assert identity.rooms == {"demo", "maths"}
    assert identity.tags == {"new"}
    assert identity.may == set()


def test_token_may_carry_a_right_beyond_its_role() -> None:
    request = TokenRequest(Role.STUDENT, "ann", ("demo",), may=("offer",))

    (token,) = make_tokens(KEYS, request, NOW_S)

    assert KEYS.verify(token, NOW_S * 1000).may == {"offer"}


def test_token_ends_after_its_time_and_the_leeway() -> None:
    (token,) = make_tokens(KEYS, TokenRequest(Role.FINANCE, "ann", ttl_seconds=60), NOW_S)

    KEYS.verify(token, (NOW_S + 60 + 59) * 1000)
    with pytest.raises(TokenExpiredError):
        KEYS.verify(token, (NOW_S + 60 + 60) * 1000)


def test_many_tokens_are_numbered_and_all_different() -> None:
    tokens = list(make_tokens(KEYS, TokenRequest(Role.STUDENT, "s", ("demo",), count=3), NOW_S))

    subjects = [KEYS.verify(token, NOW_S * 1000).subject for token in tokens]
    assert subjects == ["s0", "s1", "s2"]
    assert len(set(tokens)) == 3


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        (TokenRequest(Role.STUDENT, "ann"), "--room"),
        (TokenRequest(Role.INSTRUCTOR, "ann"), "--room"),
        (TokenRequest(Role.STUDENT, "ann", ("a room",)), "--room"),
        (TokenRequest(Role.SERVICE, ""), "--sub"),
        (TokenRequest(Role.SERVICE, "x" * 65), "--sub"),
        (TokenRequest(Role.SERVICE, "x" * 64, count=2), "--sub"),
        (TokenRequest(Role.OPERATOR, "ann", may=("offer",)), "--may"),
        (TokenRequest(Role.SERVICE, "shop", ttl_seconds=0), "--ttl"),
        (TokenRequest(Role.SERVICE, "shop", count=0), "--count"),
    ],
)
def test_token_that_would_open_nothing_is_refused(request_: TokenRequest, named: str) -> None:
    with pytest.raises(CommandError) as refused:
        write_tokens(read_settings({"CLASSDROP_SECRET": SECRET}), request_, None)

    (line,) = refused.value.lines
    assert line.startswith(named)
