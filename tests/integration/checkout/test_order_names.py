"""Whatever a school calls its orders: each name works in every call, over a real connection and in both SDKs,
or is refused where the order is locked.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from client_sdk.python import Api as Sdk
from client_sdk.python import ApiError
from server.api.app import build_app
from server.core.identity import Role
from tests.support.builders.api import Api, an_order, field_errors, good, token
from tests.support.eventually import eventually

pytestmark = pytest.mark.asyncio

SDK = Path(__file__).parents[3] / "client_sdk" / "javascript"
NAMES = [
    *("2026/11/7", "a/../b", "/a", "a/", "a//b", "/", "a/refunds", "refunds", "a%2Fb", "100%", "%"),
    *(
        "a?b",
        "a#b",
        "a b",
        " a",
        "订单 7",
        "é",
        "a\\b",
        "a;b=c",
        "a+b",
        "a&b=c",
        "...",
        "a.b",
        "\U0001f600",
    ),
    "x" * 64,
]
DEADLINE_S = 60


@asynccontextmanager
async def over_a_port(api: Api) -> AsyncIterator[str]:
    """The application behind uvicorn, as it is run: its address."""
    config = uvicorn.Config(
        build_app(api.parts), host="127.0.0.1", port=0, lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


async def paid(shop: httpx.AsyncClient, order_id: str) -> None:
    body = {"order_id": order_id, "student": "ann", "order": an_order(5_000), "coupons": []}
    locked = good(await shop.post("/v1/redemptions", json=body), 201)
    good(await shop.post(f"/v1/redemptions/{locked['id']}/confirm", json={}))


async def test_every_name_is_paid_back_and_shown_by_the_python_sdk(api: Api) -> None:
    async with asyncio.timeout(DEADLINE_S), over_a_port(api) as url:
        sdk = Sdk(url, lambda: token(Role.SERVICE, "shop"))
        shop = await api.service()
        for name in NAMES:
            await paid(shop, name)
            made = await sdk.refund(name, {"refund_id": "r-1"})
            shown = await sdk.get_order(name)
            assert (made["refunded"], shown["order_id"]) == (5_000, name)
            assert shown["redemption"]["refunded"] == 5_000
        with pytest.raises(ApiError) as error:
            await sdk.get_order("nobody's/order")
        assert error.value.code == "not_found"
        await sdk.aclose()


_IN_JAVASCRIPT = """
const { OfficeApi: Api } = await import("./office_api.js");
const [url, bearer, names] = JSON.parse(process.argv[1]);
const api = new Api({ url, getToken: () => bearer });
const told = [];
for (const name of names) {
  const made = await api.refund(name, { refund_id: "r-1" });
  const shown = await api.getOrder(name);
  told.push([made.refunded, shown.order_id]);
}
console.log(JSON.stringify(told));
"""


async def test_every_name_is_paid_back_and_shown_by_the_javascript_sdk(api: Api) -> None:
    async with asyncio.timeout(DEADLINE_S), over_a_port(api) as url:
        shop = await api.service()
        for name in NAMES:
            await paid(shop, name)
        asked = json.dumps([url, token(Role.SERVICE, "shop"), NAMES])
        node = await asyncio.create_subprocess_exec(
            *("node", "--input-type=module", "--eval", _IN_JAVASCRIPT, asked),
            cwd=SDK,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        told, trouble = await node.communicate()
    assert node.returncode == 0, trouble.decode()
    assert json.loads(told) == [[5_000, name] for name in NAMES]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *(((".", "bad_format"), ("..", "bad_format"), ("a\nb", "bad_character"))),
        *((("a\x7f", "bad_character"), ("a\x85", "bad_character"), ("a\0b", "bad_character"))),
        *((("", "too_short"), ("x" * 65, "too_long"), ("a\u202eb", "bidi_control"))),
        ("\u200b\u3164", "invisible"),
    ],
)
async def test_what_no_call_could_name_is_refused_at_the_lock(
    api: Api, name: str, code: str
) -> None:
    shop = await api.service()
    body = {"order_id": name, "student": "ann", "order": an_order(5_000), "coupons": []}
    assert field_errors(await shop.post("/v1/redemptions", json=body)) == [("order_id", code)]
    assert (await api.row_counts())["redemptions"] == 0
