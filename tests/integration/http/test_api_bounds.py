"""The bounds that the OpenAPI document names are those that the running service keeps: a value at each of
them is not refused for it, one beyond it is.
"""

from typing import Any

import httpx
import pytest

from server.api.app import ENDPOINTS
from server.api.http import health
from server.api.http.document import docs
from server.api.http.document.openapi import document
from server.api.http.endpoints import AnyEndpoint
from server.core.identity import Role
from tests.support.builders.api import ROOM, Api, Json, an_order, good, token
from tests.support.builders.schema_bounds import Bodies, Bound

pytestmark = pytest.mark.asyncio
DOCUMENT: Any = document(ENDPOINTS, (*health.PUBLIC_ENDPOINTS, *docs.PUBLIC_ENDPOINTS), "1.2.3")
WITH_BODY = [endpoint for endpoint in ENDPOINTS if endpoint.has_body and not endpoint.uploads]
# Where one field bounds another: a room's share is part of its batch, the free pieces are some of all.
_FREE: Json = {"from_items": 1_000_000}
_ALSO: dict[str, Json] = {
    "/v1/batches": {"quantity": 10**9},
    "/v1/templates": _FREE,
    "/v1/templates/{id}": _FREE,
}
_OUT_OF_BOUNDS = frozenset(
    {"too_small", "too_large", "too_short", "too_long", "too_few", "too_many", "bad_format"}
)


async def _names(api: Api) -> dict[str, str]:
    """Make one of each resource that the paths and bodies name."""
    batch = await api.made_batch()
    drop = await api.made_drop(start="prepared")
    lock = {"order_id": "o-1", "student": "ann", "order": an_order(), "coupons": []}
    made = good(await (await api.service()).post("/v1/redemptions", json=lock), 201)
    return {
        "template_id": batch["template_id"],
        "batch_id": batch["id"],
        "drop_id": drop["id"],
        "redemption_id": made["id"],
    }


def _path(endpoint: AnyEndpoint, names: dict[str, str]) -> str:
    kinds = {"templates": "template_id", "batches": "batch_id", "redemptions": "redemption_id"}
    kinds |= {"drops": "drop_id"}
    subject = endpoint.path.split("/{id}")[0].rpartition("/")[2]
    path = endpoint.path.replace("{id}", names.get(kinds.get(subject, ""), "none_such"))
    path = path.replace("{student}", "ann").replace("{other}", "bob")
    return path.replace("{room}", ROOM).replace("{order_id}", "o-1").replace("{sub}", "tina")


def _complaints(answer: httpx.Response) -> dict[str, str]:
    if answer.status_code != 422:
        return {}
    return {each["field"]: each["code"] for each in answer.json()["errors"]}


def _is_refused_for(bound: Bound, complaints: dict[str, str]) -> bool:
    """Accept an error that names a list or map, or an item of it."""
    at = [code for field, code in complaints.items() if field == bound.path]
    return any(code in _OUT_OF_BOUNDS for code in at)


@pytest.mark.parametrize(
    "endpoint", WITH_BODY, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}"
)
async def test_a_bound_of_the_document_is_the_service_s(api: Api, endpoint: AnyEndpoint) -> None:
    names = await _names(api)
    client = await api.client(
        token(Role(endpoint.rule.words().split(", ")[0]), "someone", ROOM, may=["offer", "approve"])
    )
    named: Json = {
        "template_id": names["template_id"],
        "batch_id": names["batch_id"],
        "currency": "CNY",
    }
    named |= _ALSO.get(endpoint.path, {})
    bodies = Bodies(DOCUMENT["components"]["schemas"], named)
    operation = DOCUMENT["paths"][endpoint.path][endpoint.method.lower()]
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    wrong = []
    for bound in bodies.bounds(reference):
        told = []
        for body in (bound.within, bound.beyond):
            answer = await client.request(
                endpoint.method, _path(endpoint, names), json=body, headers={"If-Match": "1"}
            )
            told.append(_complaints(answer))
        if _is_refused_for(bound, told[0]) or not _is_refused_for(bound, told[1]):
            wrong.append((str(bound), *told))
    assert wrong == []
