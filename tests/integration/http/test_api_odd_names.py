"""Names and numbers in paths and queries: odd ones are refused by name and break nothing, legal ones are
decoded once."""

import string
from collections.abc import Iterator

import httpx
import pytest

from server.api.app import ENDPOINTS
from server.api.http.endpoints import AnyEndpoint
from server.core.identity import Role
from tests.support.builders.api import ROOM, Api, a_drop, a_template, an_order, good, refused, token

pytestmark = pytest.mark.asyncio

# As they stand in a URL, escaped where a URL needs it.
ODD = [
    "-1",
    "0",
    str(2**31),
    str(2**63),
    str(2**64),
    "9" * 400,
    "1e400",
    "NaN",
    "%00",
    "a%00b",
    "%ED%A0%80",  # a lone surrogate
    "%FF%FE",
    "%F0%9F%98%80",
    "%25",
    "%2F",
    "..%2F..",
    "%0A",
    "%20",
    "'%22%3B--",
    "x" * 4_000,
]
PLAIN = {
    **{"room": ROOM, "id": "drp_1", "order_id": "order-1", "sub": "tina", "code": "CODE"},
    **{"student": "STUDENT", "other": "bob", "ticket": "TICKET"},
}
LEGAL = string.ascii_letters + string.digits + "_.:-"


def places() -> Iterator[tuple[AnyEndpoint, str]]:
    """Each name in a path, and each field of a query, with the path that holds `ODD` in its place."""
    for endpoint in ENDPOINTS:
        names = [part[1:-1] for part in endpoint.path.split("/") if part.startswith("{")]
        plain = {f"{{{name}}}": PLAIN[name] for name in names}
        for name in names:
            yield endpoint, _filled(endpoint.path, plain | {f"{{{name}}}": "ODD"})
        for name in endpoint.query.model_fields:
            yield endpoint, f"{_filled(endpoint.path, plain)}?{name}=ODD"


def _filled(path: str, names: dict[str, str]) -> str:
    for place, name in names.items():
        path = path.replace(place, name)
    return path


async def test_odd_values_are_refused_and_break_nothing(api: Api) -> None:
    client = await api.client()
    broken = []
    for endpoint, path in places():
        role = Role(endpoint.rule.words().split(", ")[0])
        headers = {
            "Authorization": f"Bearer {token(role, 'someone', ROOM, may=['offer', 'approve'])}",
            "If-Match": "1",
        }
        body: object = None if endpoint.method == "GET" else {}
        for number, odd in enumerate(ODD):
            # Each time another student: one account can be merged into one other only.
            filled = path.replace("ODD", odd).replace("STUDENT", f"s{number}")
            answer = await client.request(endpoint.method, filled, json=body, headers=headers)
            if not _is_clear(answer):
                broken.append(
                    (endpoint.method, path, odd[:40], answer.status_code, answer.text[:200])
                )

    assert broken == []


def _is_clear(answer: httpx.Response) -> bool:
    if answer.status_code < 400:
        return True
    problem = answer.json()
    named = problem["code"] in ("invalid_field", "not_found", "wrong_room")
    return named and answer.status_code < 500 and bool(problem["detail"])


@pytest.mark.parametrize("is_escaped", [False, True])
async def test_every_legal_character_is_read_once(api: Api, is_escaped: bool) -> None:
    batch = await api.made_batch(quantity=len(LEGAL), per_student=1)
    client = await api.client()
    for char in LEGAL:
        room, student = f"{char}r{char}", f"{char}s{char}"
        in_path = _escaped(room) if is_escaped else room
        drops = f"/v1/rooms/{in_path}/drops"
        tina = {"Authorization": f"Bearer {token(Role.INSTRUCTOR, 'tina', room)}"}
        ann = {"Authorization": f"Bearer {token(Role.STUDENT, student, room)}"}
        body = a_drop(batch_id=batch["id"], quantity=1)
        drop = good(await client.post(drops, json=body, headers=tina), 201)
        assert drop["room"] == room
        in_path = _escaped(drop["id"]) if is_escaped else drop["id"]
        claimed = await client.post(
            f"/v1/drops/{in_path}/claims", json={"request_id": f"{char}q"}, headers=ann
        )
        assert good(claimed)["outcome"] == "won"
        query = f"student={_escaped(student) if is_escaped else student}"
        listed = await client.get(f"{drops}/{in_path}/claims?{query}", headers=tina)
        assert [claim["student"] for claim in good(listed)["claims"]] == [student]


async def test_what_is_escaped_twice_is_another_name(api: Api) -> None:
    await api.made_drop("math:101")
    teacher = await api.teacher("math:101")
    assert good(await teacher.get("/v1/rooms/math%3A101/drops"))["drops"]
    refused(await teacher.get("/v1/rooms/math%253A101/drops"), 403, "wrong_room")


@pytest.mark.parametrize(
    "order_id", ["o:1", "o 1", "订单-1", "a+b", "50%", "%3A", "a.b", "..x", "o?1", "#1"]
)
async def test_an_order_id_of_any_characters_is_found_by_path_and_query(
    api: Api, order_id: str
) -> None:
    shop = await api.service()
    body = {"order_id": order_id, "student": "ann", "order": an_order(), "coupons": []}
    locked = good(await shop.post("/v1/redemptions", json=body), 201)
    by_query = await shop.get(f"/v1/redemptions?order_id={_escaped(order_id)}")
    assert good(by_query)["id"] == locked["id"]
    record = good(await shop.get(f"/v1/orders/{_escaped(order_id)}"))
    assert record["order_id"] == order_id


def _escaped(name: str) -> str:
    """Every character, the harmless ones too."""
    return "".join(f"%{byte:02X}" for byte in name.encode())


@pytest.mark.parametrize(
    "version", ["-1", "1.5", "9" * 30, str(2**63), "x" * 9_000, "ÿ", "*", '""']
)
async def test_an_odd_version_is_refused_and_changes_nothing(api: Api, version: str) -> None:
    template, batch = await api.made_template(), await api.made_batch()
    operator, headers = await api.operator(), [(b"If-Match", version.encode("latin-1"))]
    path = f"/v1/templates/{template['id']}"
    put = await operator.put(path, json=a_template(name="Other"), headers=headers)
    patch = await operator.patch(
        f"/v1/batches/{batch['id']}", json={"name": "Other"}, headers=headers
    )
    for answer in (put, patch):
        assert answer.status_code in (409, 422), answer.text
        assert answer.json()["code"] in ("invalid_field", "wrong_state")
    assert good(await operator.get(path))["name"] != "Other"
