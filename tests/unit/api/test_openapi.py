from collections.abc import Iterator
from typing import get_args, get_type_hints

import pytest

from server.api.app import ENDPOINTS
from server.api.http import health
from server.api.http.document import docs
from server.api.http.document.openapi import document
from server.api.http.endpoints import AnyEndpoint

DOCUMENT = document(ENDPOINTS, (*health.PUBLIC_ENDPOINTS, *docs.PUBLIC_ENDPOINTS), "1.2.3")

# The contract's HTTP table.
CONTRACT = {
    "GET /v1/statements",
    "GET /v1/statements/days",
    "POST /v1/statements/match",
    "GET /v1/reports/definitions",
    "GET /v1/reports/live",
    "GET /v1/reports/coupons",
    "GET /v1/reports/orders",
    "GET /v1/reports/courses",
    "POST /v1/templates",
    "GET /v1/templates",
    "GET /v1/templates/{id}",
    "PUT /v1/templates/{id}",
    "POST /v1/batches",
    "GET /v1/batches",
    "GET /v1/batches/{id}",
    "PATCH /v1/batches/{id}",
    "POST /v1/batches/{id}/end",
    "POST /v1/batches/{id}/codes",
    "GET /v1/batches/{id}/codes",
    "POST /v1/batches/{id}/codes/void",
    "POST /v1/students",
    "GET /v1/students",
    "POST /v1/student-events",
    "POST /v1/audiences",
    "GET /v1/audiences",
    "GET /v1/audiences/{id}",
    "PUT /v1/audiences/{id}",
    "POST /v1/audiences/{id}/preview",
    "GET /v1/rooms/{room}/drops/{id}/qr.svg",
    "POST /v1/batches/{id}/links",
    "GET /v1/batches/{id}/links",
    "GET /v1/links/{id}",
    "PATCH /v1/links/{id}",
    "GET /v1/links/{id}/qr.svg",
    "POST /v1/links/{id}/claims",
    "GET /v1/rooms/{room}/drops/{id}/ticket",
    "POST /v1/tickets/{ticket}/claims",
    "POST /v1/rooms/{room}/offers",
    "GET /v1/rooms/{room}/offers",
    "POST /v1/rooms/{room}/offers/{id}/withdraw",
    "GET /v1/rooms/{room}/students",
    "GET /v1/me/offers",
    "POST /v1/prompts",
    "POST /v1/me/offers/{id}/accept",
    "POST /v1/me/offers/{id}/decline",
    "POST /v1/me/offers/{id}/seen",
    "POST /v1/lotteries",
    "GET /v1/lotteries",
    "GET /v1/lotteries/{id}",
    "PATCH /v1/lotteries/{id}",
    "POST /v1/lotteries/{id}/spins",
    "GET /v1/lotteries/{id}/spins",
    "GET /v1/drops/{id}/task",
    "POST /v1/drops/{id}/invite",
    "POST /v1/invitations",
    "POST /v1/drops/{id}/answer",
    "POST /v1/drops/{id}/sign-in",
    "POST /v1/triggers",
    "GET /v1/triggers",
    "GET /v1/triggers/{id}",
    "PATCH /v1/triggers/{id}",
    "POST /v1/triggers/{id}/activate",
    "POST /v1/triggers/{id}/pause",
    "POST /v1/triggers/{id}/dry-run",
    "POST /v1/price-rules",
    "GET /v1/price-rules",
    "GET /v1/price-rules/{id}",
    "DELETE /v1/price-rules/{id}",
    "POST /v1/experiments",
    "GET /v1/experiments",
    "GET /v1/experiments/{id}",
    "POST /v1/experiments/{id}/end",
    "POST /v1/packs",
    "GET /v1/packs",
    "GET /v1/packs/{id}",
    "POST /v1/packs/{id}/preview",
    "POST /v1/imports",
    "GET /v1/imports",
    "GET /v1/imports/{id}",
    "GET /v1/imports/{id}/result",
    "POST /v1/rooms/{room}/drops",
    "GET /v1/rooms/{room}/drops",
    "GET /v1/rooms/{room}/drops/{id}",
    "PATCH /v1/rooms/{room}/drops/{id}",
    "DELETE /v1/rooms/{room}/drops/{id}",
    "POST /v1/rooms/{room}/drops/{id}/reopen",
    "PUT /v1/rooms/{room}/running-order",
    "GET /v1/rooms/{room}/running-order",
    "POST /v1/rooms/{room}/running-order/hold",
    "POST /v1/rooms/{room}/running-order/resume",
    "POST /v1/rooms/{room}/running-order/start",
    "POST /v1/rooms/{room}/running-order/position",
    "POST /v1/rooms/{room}/screen",
    "POST /v1/rooms/{room}/drops/{id}/open",
    "POST /v1/rooms/{room}/drops/{id}/close",
    "POST /v1/rooms/{room}/drops/{id}/top-up",
    "POST /v1/rooms/{room}/drops/{id}/extend",
    "GET /v1/rooms/{room}/drops/{id}/claims",
    "POST /v1/rooms/{room}/drops/{id}/abort",
    "GET /v1/drops/{id}/draw",
    "GET /v1/drops/{id}/entry",
    "GET /v1/rooms/{room}/snapshot",
    "POST /v1/drops/{id}/claims",
    "GET /v1/drops/{id}/receipt",
    "GET /v1/me/coupons",
    "GET /v1/me/coupons/{id}/qr.svg",
    "GET /v1/me/balance",
    "POST /v1/me/coupons",
    "POST /v1/quotes",
    "POST /v1/redemptions",
    "GET /v1/redemptions",
    "GET /v1/redemptions/{id}",
    "POST /v1/redemptions/{id}/confirm",
    "POST /v1/orders/{order_id}/refunds",
    "POST /v1/redemptions/{id}/cancel",
    "GET /v1/acts",
    "GET /v1/approvals",
    "GET /v1/approvals/{id}",
    "POST /v1/approvals/{id}/approve",
    "POST /v1/approvals/{id}/reject",
    "GET /v1/alerts",
    "POST /v1/alerts/{id}/act",
    "POST /v1/consistency",
    "GET /v1/consistency",
    "GET /v1/me/messages",
    "GET /v1/messages",
    "GET /v1/students/{student}",
    "POST /v1/students/{student}/export",
    "POST /v1/students/{student}/erase",
    "POST /v1/students/{student}/merge-into/{other}",
    "POST /v1/issuances",
    "GET /v1/issuances",
    "GET /v1/issuances/{id}",
    "GET /v1/issuances/{id}/items",
    "POST /v1/issuances/{id}/stop",
    "POST /v1/issuances/{id}/undo",
    "GET /v1/jobs/{id}",
    "GET /v1/jobs/{id}/result",
    "GET /v1/events",
    "POST /v1/webhooks",
    "GET /v1/webhooks",
    "GET /v1/webhooks/{id}",
    "PATCH /v1/webhooks/{id}",
    "DELETE /v1/webhooks/{id}",
    "POST /v1/webhooks/{id}/test",
    "POST /v1/webhooks/{id}/rotate",
    "POST /v1/webhooks/{id}/replay",
    "GET /v1/webhooks/{id}/deliveries",
    "GET /v1/orders",
    "GET /v1/find",
    "POST /v1/coupons/{code}/void",
    "GET /v1/coupons",
    "GET /v1/orders/{order_id}",
    "GET /v1/coupons/{code}",
    "POST /v1/campaigns",
    "GET /v1/campaigns",
    "GET /v1/campaigns/{id}",
    "PATCH /v1/campaigns/{id}",
    "POST /v1/campaigns/{id}/stop",
    "POST /v1/campaigns/{id}/resume",
    "POST /v1/batches/{id}/stop",
    "POST /v1/batches/{id}/resume",
    "GET /v1/stop",
    "POST /v1/stop",
    "POST /v1/resume",
    "POST /v1/blocks",
    "GET /v1/blocks",
    "DELETE /v1/blocks",
    "GET /v1/blocks/{id}",
    "DELETE /v1/blocks/{id}",
    "POST /v1/revocations",
    "GET /v1/revocations",
    "GET /v1/instructors",
    "GET /v1/instructors/{sub}",
    "POST /v1/instructors/{sub}/stop",
    "POST /v1/instructors/{sub}/resume",
    "GET /v1/watch",
}
SERVICE = {"GET /livez", "GET /readyz", "GET /metrics", "GET /openapi.json", "GET /docs"}


def _operations() -> dict[str, dict[str, object]]:
    paths = DOCUMENT["paths"]
    assert isinstance(paths, dict)
    return {
        f"{method.upper()} {path}": operation
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _is_there(reference: str) -> bool:
    node: object = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        if not isinstance(node, dict) or step not in node:
            return False
        node = node[step]
    return True


def test_every_call_of_the_contract_is_made_and_documented() -> None:
    assert {f"{endpoint.method} {endpoint.path}" for endpoint in ENDPOINTS} == CONTRACT
    assert set(_operations()) == CONTRACT | SERVICE


def test_it_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"


def test_every_reference_resolves() -> None:
    found = set(_references(DOCUMENT))
    assert found
    assert [reference for reference in found if not _is_there(reference)] == []


def test_no_reference_is_to_a_place_of_pydantic_alone() -> None:
    assert not any(reference.startswith("#/$defs") for reference in _references(DOCUMENT))


def test_every_operation_has_an_id_of_its_own() -> None:
    ids = [operation["operationId"] for operation in _operations().values()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    "endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}"
)
def test_an_operation_says_what_it_takes_and_gives(endpoint: AnyEndpoint) -> None:
    operation = _operations()[f"{endpoint.method} {endpoint.path}"]
    responses = operation["responses"]
    assert isinstance(responses, dict)
    assert {str(endpoint.status), "401", "403", "500", "503"} <= set(responses)
    assert ("requestBody" in operation) == endpoint.has_body
    assert ("413" in responses) == (endpoint.method != "GET")
    assert "404" in responses or "{id}" not in endpoint.path
    assert operation["summary"]
    assert operation["x-roles"]


@pytest.mark.parametrize(
    "endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}"
)
def test_every_name_in_a_path_is_a_parameter(endpoint: AnyEndpoint) -> None:
    parameters = _operations()[f"{endpoint.method} {endpoint.path}"]["parameters"]
    assert isinstance(parameters, list)
    named = {each["name"] for each in parameters if each["in"] == "path"}
    assert named == {part[1:-1] for part in endpoint.path.split("/") if part.startswith("{")}


@pytest.mark.parametrize(
    "endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}"
)
def test_a_handler_is_asked_with_what_its_call_reads(endpoint: AnyEndpoint) -> None:
    hint = get_type_hints(endpoint.handler)["request"]
    assert get_args(hint) == (endpoint.body, endpoint.query)


def test_creating_calls_take_an_idempotency_key_and_replacing_ones_a_version() -> None:
    headers: dict[str, set[str]] = {}
    for name, operation in _operations().items():
        parameters = operation.get("parameters", [])
        assert isinstance(parameters, list)
        headers[name] = {each["name"] for each in parameters if each["in"] == "header"}
    keyed = {name for name, found in headers.items() if "Idempotency-Key" in found}
    assert keyed == {
        "POST /v1/consistency",
        "POST /v1/templates",
        "POST /v1/batches",
        "POST /v1/batches/{id}/codes",
        "POST /v1/rooms/{room}/drops",
        "POST /v1/campaigns",
        "POST /v1/blocks",
        "POST /v1/revocations",
        "POST /v1/audiences",
        "POST /v1/triggers",
        "POST /v1/webhooks",
        "POST /v1/imports",
        "POST /v1/packs",
        "POST /v1/price-rules",
        "POST /v1/experiments",
        "POST /v1/batches/{id}/links",
        "POST /v1/rooms/{room}/offers",
        "POST /v1/lotteries",
        "POST /v1/issuances",
        "POST /v1/students",
        "POST /v1/students/{student}/export",
        "POST /v1/students/{student}/erase",
        "POST /v1/students/{student}/merge-into/{other}",
    }
    assert {name for name, found in headers.items() if "If-Match" in found} == {
        "PUT /v1/templates/{id}",
        "PATCH /v1/batches/{id}",
        "PATCH /v1/campaigns/{id}",
        "PUT /v1/audiences/{id}",
    }


def test_an_answer_that_comes_in_two_media_types_names_both() -> None:
    responses = _operations()["GET /v1/batches/{id}/codes"]["responses"]
    assert isinstance(responses, dict)
    assert set(responses["200"]["content"]) == {"application/json", "text/csv"}


def test_bounds_that_are_checked_are_documented() -> None:
    components = DOCUMENT["components"]
    assert isinstance(components, dict)
    percent = components["schemas"]["PercentOff"]["properties"]["percent"]
    assert (percent["minimum"], percent["maximum"]) == (1, 100)
    name = components["schemas"]["TemplateBody"]["properties"]["name"]
    assert (name["minLength"], name["maxLength"]) == (1, 60)


def test_service_calls_need_no_token() -> None:
    operations = _operations()
    assert all(operations[name]["security"] == [] for name in SERVICE)
    assert all("security" not in operations[name] for name in CONTRACT)


def test_every_object_that_a_body_holds_is_closed_to_fields_that_are_not_known() -> None:
    schemas = DOCUMENT["components"]["schemas"]  # type: ignore[index]
    waiting = [
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]  # type: ignore[index]
        for operation in _operations().values()
        if "requestBody" in operation and "application/json" in operation["requestBody"]["content"]  # type: ignore[index]
    ]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop().rpartition("/")[2]
        if name in seen:
            continue
        seen.add(name)
        assert schemas[name].get("additionalProperties") is False, name
        waiting += _references(schemas[name])
    assert seen
