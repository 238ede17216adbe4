from collections.abc import Iterator
from typing import get_args, get_type_hints

import pytest

from server.api.app import ENDPOINTS
from server.api.http import docs, health
from server.api.http.endpoints import AnyEndpoint
from server.api.http.openapi import document

DOCUMENT = document(ENDPOINTS, (*health.PUBLIC_ENDPOINTS, *docs.PUBLIC_ENDPOINTS), "1.2.3")

# The contract's HTTP table.
CONTRACT = {
    "POST /v1/templates",
    "GET /v1/templates",
    "GET /v1/templates/{id}",
    "PUT /v1/templates/{id}",
    "POST /v1/batches",
    "GET /v1/batches",
    "GET /v1/batches/{id}",
    "PATCH /v1/batches/{id}",
    "POST /v1/batches/{id}/codes",
    "GET /v1/batches/{id}/codes",
    "POST /v1/batches/{id}/codes/void",
    "POST /v1/rooms/{room}/drops",
    "GET /v1/rooms/{room}/drops",
    "GET /v1/rooms/{room}/drops/{id}",
    "POST /v1/rooms/{room}/drops/{id}/open",
    "POST /v1/rooms/{room}/drops/{id}/close",
    "POST /v1/rooms/{room}/drops/{id}/top-up",
    "POST /v1/rooms/{room}/drops/{id}/extend",
    "GET /v1/rooms/{room}/drops/{id}/claims",
    "GET /v1/rooms/{room}/snapshot",
    "POST /v1/drops/{id}/claims",
    "GET /v1/me/coupons",
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
    "GET /v1/orders/{order_id}",
    "GET /v1/coupons/{code}",
    "POST /v1/campaigns",
    "GET /v1/campaigns",
    "GET /v1/campaigns/{id}",
    "POST /v1/campaigns/{id}/stop",
    "POST /v1/campaigns/{id}/resume",
    "POST /v1/batches/{id}/stop",
    "POST /v1/batches/{id}/resume",
    "GET /v1/stop",
    "POST /v1/stop",
    "POST /v1/resume",
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
        "POST /v1/templates",
        "POST /v1/batches",
        "POST /v1/batches/{id}/codes",
        "POST /v1/rooms/{room}/drops",
        "POST /v1/campaigns",
    }
    assert {name for name, found in headers.items() if "If-Match" in found} == {
        "PUT /v1/templates/{id}",
        "PATCH /v1/batches/{id}",
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
        if "requestBody" in operation
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
