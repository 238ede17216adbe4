"""Tokens of a file are found by the claims in them."""

import pytest

from client_sdk.python import Bearer, make_token
from client_sdk.python.shapes import Role
from loadtest.clients.tokens import FileTokens, SignedTokens, TokenError, load_tokens

SECRET = "k7Jq2-vXw9Zr4Tn8Lm1Pb6Yc3Hd5Gf0Ss"


def token(role: Role, name: str, *rooms: str) -> str:
    return make_token(SECRET, Bearer(sub=name, role=role, rooms=rooms))


PASSES = FileTokens(
    [
        token("student", "s0", "algebra"),
        token("instructor", "ann", "algebra"),
        token("student", "s1", "algebra"),
        token("operator", "op"),
        "",
    ]
)


def test_students_of_a_file_come_in_its_order() -> None:
    assert [PASSES.student(number, "algebra").name for number in (0, 1)] == ["s0", "s1"]


def test_more_students_than_the_file_holds_are_refused() -> None:
    with pytest.raises(TokenError, match="2 students"):
        PASSES.student(2, "algebra")


def test_student_of_another_room_is_refused() -> None:
    with pytest.raises(TokenError, match="may not enter physics"):
        PASSES.student(0, "physics")


def test_instructor_of_the_room_goes_before_an_operator() -> None:
    assert PASSES.staff("instructor", "algebra").name == "ann"
    assert PASSES.staff("instructor", "physics").name == "op"
    assert PASSES.staff("operator", "physics").name == "op"


def test_missing_role_is_refused() -> None:
    with pytest.raises(TokenError, match="no service"):
        PASSES.staff("service", "algebra")


def test_line_that_is_no_token_is_refused() -> None:
    with pytest.raises(TokenError, match="not a token"):
        FileTokens(["hello"])


def test_signed_passes_have_names_of_their_crowd() -> None:
    tokens = SignedTokens(SECRET, "load-1")

    assert tokens.student(7, "algebra").name == "load-1-7"
    assert FileTokens([tokens.student(7, "algebra").token]).student(0, "algebra").name == "load-1-7"


def test_server_of_others_needs_a_secret_or_tokens() -> None:
    with pytest.raises(TokenError, match="--secret-file or --token-file"):
        load_tokens(None, None, "load-1")
