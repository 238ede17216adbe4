"""The Python SDK's HTTP calls, against a transport that answers from memory."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from client_sdk.python import Api, ApiError, Page

pytestmark = pytest.mark.asyncio

Call = Callable[[Api], Awaitable[object]]
FORM: Any = {"name": "x"}
ROOM = "/v1/rooms/algebra/drops"

CALLS: list[tuple[Call, str, str, object]] = [
    (lambda a: a.create_template(FORM), "POST", "/v1/templates", FORM),
    (
        lambda a: a.list_templates(Page(2, "tpl_1")),
        "GET",
        "/v1/templates?limit=2&after=tpl_1",
        None,
    ),
    (lambda a: a.get_template("tpl_1"), "GET", "/v1/templates/tpl_1", None),
    (lambda a: a.replace_template("tpl_1", 3, FORM), "PUT", "/v1/templates/tpl_1", FORM),
    (lambda a: a.create_batch(FORM), "POST", "/v1/batches", FORM),
    (lambda a: a.list_batches(), "GET", "/v1/batches", None),
    (lambda a: a.get_batch("bat_1"), "GET", "/v1/batches/bat_1", None),
    (lambda a: a.edit_batch("bat_1", 2, {"name": "x"}), "PATCH", "/v1/batches/bat_1", FORM),
    (
        lambda a: a.make_codes("bat_1", 5, source="link"),
        "POST",
        "/v1/batches/bat_1/codes",
        {"quantity": 5, "source": "link"},
    ),
    (
        lambda a: a.make_codes("bat_1", 5, metadata={"for": "print"}),
        "POST",
        "/v1/batches/bat_1/codes",
        {"quantity": 5, "source": "list", "metadata": {"for": "print"}},
    ),
    (
        lambda a: a.list_codes("bat_1", Page(2, "cpn_1")),
        "GET",
        "/v1/batches/bat_1/codes?limit=2&after=cpn_1",
        None,
    ),
    (lambda a: a.export_codes("bat_1"), "GET", "/v1/batches/bat_1/codes?format=csv", None),
    (
        lambda a: a.void_codes("bat_1", ["A", "B"]),
        "POST",
        "/v1/batches/bat_1/codes/void",
        {"codes": ["A", "B"]},
    ),
    (lambda a: a.bind_coupon("a b"), "POST", "/v1/me/coupons", {"code": "a b"}),
    (lambda a: a.create_drop("algebra", FORM), "POST", ROOM, FORM),
    (lambda a: a.live_drops(Page(limit=5)), "GET", "/v1/reports/live?limit=5", None),
    (
        lambda a: a.report_file("orders", "2026-03-01", "2026-03-02", "room"),
        "GET",
        "/v1/reports/orders?from=2026-03-01&to=2026-03-02&by=room&format=csv",
        None,
    ),
    (lambda a: a.list_drops("algebra", Page(limit=5)), "GET", f"{ROOM}?limit=5", None),
    (lambda a: a.list_drops("algebra", ended=False), "GET", f"{ROOM}?ended=false", None),
    (lambda a: a.get_drop("algebra", "drp_1"), "GET", f"{ROOM}/drp_1", None),
    (lambda a: a.open_drop("algebra", "drp_1"), "POST", f"{ROOM}/drp_1/open", None),
    (lambda a: a.close_drop("algebra", "drp_1"), "POST", f"{ROOM}/drp_1/close", {"reason": ""}),
    (
        lambda a: a.edit_drop("algebra", "drp_1", {"at": None}),
        "PATCH",
        f"{ROOM}/drp_1",
        {"at": None},
    ),
    (lambda a: a.delete_drop("algebra", "drp_1"), "DELETE", f"{ROOM}/drp_1", None),
    (
        lambda a: a.reopen_drop("algebra", "drp_1", {"quantity": 1, "closes": "open_end"}),
        "POST",
        f"{ROOM}/drp_1/reopen",
        {"quantity": 1, "closes": "open_end"},
    ),
    (
        lambda a: a.put_running_order("algebra", [{"drop_id": "drp_1", "minute": 5}]),
        "PUT",
        "/v1/rooms/algebra/running-order",
        {"entries": [{"drop_id": "drp_1", "minute": 5}]},
    ),
    (lambda a: a.make_screen("a"), "POST", "/v1/rooms/a/screen", None),
    (
        lambda a: a.put_running_order("a", [], version="5d0c"),
        "PUT",
        "/v1/rooms/a/running-order",
        {"entries": [], "version": "5d0c"},
    ),
    (lambda a: a.get_running_order("a"), "GET", "/v1/rooms/a/running-order", None),
    (
        lambda a: a.hold_running_order("a", "late"),
        "POST",
        "/v1/rooms/a/running-order/hold",
        {"reason": "late"},
    ),
    (lambda a: a.resume_running_order("a"), "POST", "/v1/rooms/a/running-order/resume", None),
    (lambda a: a.start_class("a"), "POST", "/v1/rooms/a/running-order/start", None),
    (
        lambda a: a.tell_position("a", 9),
        "POST",
        "/v1/rooms/a/running-order/position",
        {"video_seconds": 9},
    ),
    (
        lambda a: a.top_up_drop("algebra", "drp_1", add=2, expected_quantity=3),
        "POST",
        f"{ROOM}/drp_1/top-up",
        {"add": 2, "expected_quantity": 3},
    ),
    (
        lambda a: a.extend_drop("algebra", "drp_1", seconds=60, expected_closes_at="t"),
        "POST",
        f"{ROOM}/drp_1/extend",
        {"seconds": 60, "expected_closes_at": "t"},
    ),
    (
        lambda a: a.drop_claims("algebra", "drp_1", student="stu_1"),
        "GET",
        f"{ROOM}/drp_1/claims?student=stu_1",
        None,
    ),
    (lambda a: a.snapshot("a:b"), "GET", "/v1/rooms/a%3Ab/snapshot", None),
    (lambda a: a.claim("drp_1", "r1"), "POST", "/v1/drops/drp_1/claims", {"request_id": "r1"}),
    (lambda a: a.my_coupons(state="usable"), "GET", "/v1/me/coupons?state=usable", None),
    (lambda a: a.quote(FORM), "POST", "/v1/quotes", FORM),
    (lambda a: a.lock_redemption(FORM), "POST", "/v1/redemptions", FORM),
    (lambda a: a.get_redemption("rdm_1"), "GET", "/v1/redemptions/rdm_1", None),
    (lambda a: a.find_redemption("o/1"), "GET", "/v1/redemptions?order_id=o%2F1", None),
    (
        lambda a: a.confirm_redemption("rdm_1", {"payment_ref": "p"}),
        "POST",
        "/v1/redemptions/rdm_1/confirm",
        {"payment_ref": "p"},
    ),
    (lambda a: a.confirm_redemption("rdm_1"), "POST", "/v1/redemptions/rdm_1/confirm", {}),
    (lambda a: a.cancel_redemption("rdm_1"), "POST", "/v1/redemptions/rdm_1/cancel", None),
    (lambda a: a.my_balance(), "GET", "/v1/me/balance", None),
    (lambda a: a.get_order("o 1"), "GET", "/v1/orders/o%201", None),
    (lambda a: a.get_coupon("A-1"), "GET", "/v1/coupons/A-1", None),
    (lambda a: a.list_acts(subject="bat_1"), "GET", "/v1/acts?subject=bat_1", None),
    (
        lambda a: a.export_acts(action="batch", first="2026-03-01"),
        "GET",
        "/v1/acts?format=csv&action=batch&from=2026-03-01",
        None,
    ),
    (lambda a: a.examine({"repair": False}), "POST", "/v1/consistency", {"repair": False}),
    (lambda a: a.get_consistency(), "GET", "/v1/consistency", None),
    (
        lambda a: a.refund("o 1", {"refund_id": "r"}),
        "POST",
        "/v1/orders/o%201/refunds",
        {"refund_id": "r"},
    ),
    (lambda a: a.live(), "GET", "/livez", None),
    (lambda a: a.ready(), "GET", "/readyz", None),
    (lambda a: a.metrics(), "GET", "/metrics", None),
    (lambda a: a.openapi(), "GET", "/openapi.json", None),
]


class Server:
    """Answers with `answers` in turn, the last one for ever."""

    def __init__(self, *answers: httpx.Response | Exception, tokens_in_all: int = 9) -> None:
        self.requests: list[httpx.Request] = []
        self.bearers: list[str | None] = []  # a request is sent again with another one
        self._answers = list(answers) or [httpx.Response(200, json={"ok": True})]
        self.tokens, self._tokens_in_all = 0, tokens_in_all

    def api(self) -> Api:
        transport = httpx.MockTransport(self._answer)
        return Api("http://x.test", self._token, http=httpx.AsyncClient(transport=transport))

    def _token(self) -> str:
        if self.tokens == self._tokens_in_all:
            raise ApiError("token_expired", 401)
        self.tokens += 1
        return f"t{self.tokens}"

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.bearers.append(request.headers.get("Authorization"))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def problem(status: int, code: str, **facts: object) -> httpx.Response:
    body = json.dumps({"type": "about:blank", "code": code, "status": status, **facts})
    headers = {"Content-Type": "application/problem+json"}
    return httpx.Response(status, content=body, headers=headers)


async def _refused(server: Server) -> ApiError:
    async with server.api() as api:
        with pytest.raises(ApiError) as raised:
            await api.get_batch("bat_1")
    return raised.value


@pytest.mark.parametrize(("call", "method", "target", "body"), CALLS)
async def test_call_asks_what_the_contract_says(
    call: Call, method: str, target: str, body: object
) -> None:
    server = Server()
    async with server.api() as api:
        assert await call(api) == {"ok": True}
    (request,) = server.requests
    assert (request.method, request.url.raw_path.decode()) == (method, target)
    assert (json.loads(request.content) if request.content else None) == body
    assert request.headers["Authorization"] == "Bearer t1"


async def test_a_creating_call_carries_its_idempotency_key() -> None:
    server = Server()
    async with server.api() as api:
        await api.create_drop("algebra", FORM, idempotency_key="k1")
    assert server.requests[0].headers["Idempotency-Key"] == "k1"


async def test_a_new_version_names_the_one_it_replaces() -> None:
    server = Server()
    async with server.api() as api:
        await api.replace_template("tpl_1", 3, FORM)
    assert server.requests[0].headers["If-Match"] == "3"


async def test_an_edit_names_the_version_it_was_made_from_and_codes_their_key() -> None:
    server = Server()
    async with server.api() as api:
        await api.edit_batch("bat_1", 2, {"name": "x"})
        await api.make_codes("bat_1", 5, idempotency_key="k1")
    edit, made = server.requests
    assert edit.headers["If-Match"] == "2"
    assert made.headers["Idempotency-Key"] == "k1"


async def test_one_token_serves_many_calls() -> None:
    server = Server()
    async with server.api() as api:
        await api.get_batch("bat_1")
        await api.get_batch("bat_2")
    assert server.tokens == 1


@pytest.mark.parametrize(
    "refusal",
    [problem(401, "token_expired"), problem(401, "token_invalid", reason="revoked")],
    ids=["expired", "revoked"],
)
async def test_a_token_that_was_good_once_is_renewed_once_and_the_call_repeated(
    refusal: httpx.Response,
) -> None:
    server = Server(refusal, httpx.Response(200, json={"id": "bat_1"}))
    async with server.api() as api:
        assert (await api.get_batch("bat_1"))["id"] == "bat_1"
    assert server.bearers == ["Bearer t1", "Bearer t2"]


async def test_an_expired_token_is_not_sent_again_where_there_is_no_other() -> None:
    server = Server(problem(401, "token_expired"), tokens_in_all=1)
    async with server.api() as api:
        for _ in range(2):
            with pytest.raises(ApiError, match="token_expired"):
                await api.get_batch("bat_1")
    assert len(server.requests) == 1


async def test_a_token_that_stays_expired_is_an_error() -> None:
    server = Server(problem(401, "token_expired"))
    error = await _refused(server)
    assert error.code == "token_expired"
    assert len(server.requests) == 2


async def test_a_token_that_was_never_good_is_an_error_at_once() -> None:
    server = Server(problem(401, "token_invalid", reason="signature"))
    error = await _refused(server)
    assert (error.code, len(server.requests)) == ("token_invalid", 1)


async def test_get_token_may_be_a_coroutine() -> None:
    async def get_token() -> str:
        return "async"

    server = Server()
    transport = httpx.MockTransport(server._answer)
    async with Api("http://x.test", get_token, http=httpx.AsyncClient(transport=transport)) as api:
        await api.ready()
    assert server.requests[0].headers["Authorization"] == "Bearer async"


async def test_without_a_token_none_is_sent() -> None:
    server = Server()
    transport = httpx.MockTransport(server._answer)
    async with Api("http://x.test", http=httpx.AsyncClient(transport=transport)) as api:
        await api.ready()
    assert "Authorization" not in server.requests[0].headers


async def test_a_problem_becomes_an_error_with_its_code_and_facts() -> None:
    error = await _refused(Server(problem(409, "stock_short", available=3, detail="3 left")))
    assert (error.code, error.status, error.retryable) == ("stock_short", 409, False)
    assert error.facts["available"] == 3
    assert str(error) == "3 left"


async def test_retry_after_is_told_in_ms() -> None:
    answer = problem(429, "rate_limited")
    answer.headers["Retry-After"] = "2"
    error = await _refused(Server(answer))
    assert (error.retryable, error.retry_after_ms) == (True, 2000)


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [(502, "unavailable", True), (429, "rate_limited", True), (413, "too_large", False)],
)
async def test_a_proxys_answer_gets_a_code_too(status: int, code: str, *, retryable: bool) -> None:
    error = await _refused(Server(httpx.Response(status, text="<html>")))
    assert (error.code, error.retryable) == (code, retryable)


async def test_html_that_calls_itself_json_is_no_crash() -> None:
    headers = {"Content-Type": "application/json"}
    error = await _refused(Server(httpx.Response(418, text="<html>", headers=headers)))
    assert (error.code, error.facts) == ("unknown", {"detail": "<html>"})


async def test_a_server_out_of_reach_may_be_asked_again() -> None:
    error = await _refused(Server(httpx.ConnectError("no route")))
    assert (error.code, error.status, error.retryable) == ("unreachable", 0, True)


async def test_a_call_that_waits_on_purpose_has_a_longer_deadline() -> None:
    server = Server()
    async with server.api() as api:
        await api.read_events(7, types=["drop.opened", "drop.closed"], wait_seconds=25)
        await api.read_events()
    waiting, at_once = server.requests
    assert dict(waiting.url.params) == {
        "after": "7",
        "wait_seconds": "25",
        "types": "drop.opened,drop.closed",
    }
    read = [each.extensions["timeout"]["read"] for each in (waiting, at_once)]
    assert read[0] == read[1] + 25
