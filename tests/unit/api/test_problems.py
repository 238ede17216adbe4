import orjson
import pytest

from server.api.http.problems import KINDS, problem
from server.core.refusals import Code, Refused, invalid_field

CONTRACT = {
    401: {"token_missing", "token_invalid", "token_expired"},
    403: {"wrong_role", "wrong_room", "blocked", "instructor_stopped"},
    404: {"not_found", "ticket_invalid"},
    409: {
        "stock_short",
        "limit_reached",
        "coupon_locked",
        "coupon_unusable",
        "total_changed",
        "refund_too_large",
        "support_limit",
        "price_rule",
        "too_many",
        "in_progress",
        "idempotency_mismatch",
        "wrong_state",
    },
    410: {"ticket_expired"},
    413: {"too_large"},
    415: {"unsupported_media_type"},
    422: {"invalid_field"},
    429: {"rate_limited"},
    503: {"unavailable"},
}


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_status_and_a_title(code: Code) -> None:
    assert 400 <= KINDS[code].status < 600
    assert KINDS[code].title


@pytest.mark.parametrize(("status", "codes"), CONTRACT.items())
def test_statuses_are_those_of_the_contract(status: int, codes: set[str]) -> None:
    assert {code for code in Code if KINDS[code].status == status} == codes


def test_a_problem_says_what_kind_it_is_and_the_facts_that_go_with_it() -> None:
    response = problem(Refused(Code.STOCK_SHORT, "7 are left", {"available": 7}))
    assert response.media_type == "application/problem+json"
    assert orjson.loads(bytes(response.body)) == {
        "type": "urn:classdrop:problem:stock_short",
        "title": "Not enough units are left",
        "status": 409,
        "code": "stock_short",
        "detail": "7 are left",
        "available": 7,
    }


def test_facts_cannot_hide_what_kind_it_is() -> None:
    response = problem(Refused(Code.WRONG_STATE, "", {"code": "fine", "status": 200}))
    assert orjson.loads(bytes(response.body))["code"] == "wrong_state"
    assert response.status_code == 409


def test_invalid_fields_are_listed() -> None:
    body = orjson.loads(bytes(problem(invalid_field("a.b", "missing")).body))
    assert body["errors"] == [{"field": "a.b", "code": "missing"}]


def test_401_tells_how_to_come_in() -> None:
    assert problem(Refused(Code.TOKEN_MISSING)).headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("code", [Code.RATE_LIMITED, Code.UNAVAILABLE])
def test_what_passes_says_when_to_come_back(code: Code) -> None:
    assert problem(Refused(code, facts={"retry_after_s": 3})).headers["retry-after"] == "3"
    assert int(problem(Refused(code)).headers["retry-after"]) >= 1
