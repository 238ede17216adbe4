"""The demo shop's back end over the real API: it owns orders and prices, and shows no secret to a browser."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from server.api.app import build_app
from server.commands.process import composition
from server.configuration.settings import read_settings
from server.core.identity import Role
from server.core.promotions.templates import AmountOff, Gift, Rebate
from server.demo_shop.routes import ShopFacts, route_shop_paths, shop_app
from server.tokens import TokenKeys
from tests.support.builders.api import AS_JSON, KEYS, Api, Json, good, refused, token
from tests.support.builders.coupon_rows import coupon_of, give_coupon
from tests.support.builders.money import a_form

pytestmark = pytest.mark.asyncio

ORDER = "/shop/orders/ord-0123456789"
ALGEBRA_AND_WRITING = [
    {"course": "algebra-1", "quantity": 1},
    {"course": "writing-1", "quantity": 1},
]


class Shop:
    """The shop beside the API, with a client for each person. `heard`: all responses that browsers got."""

    def __init__(self, api: Api, data_dir: Path, keys: TokenKeys = KEYS) -> None:
        self.api = api
        self.heard: list[httpx.Response] = []
        self._app = build_app(api.parts)
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self._app), base_url="http://drops.example"
        )
        facts = ShopFacts("", data_dir, keys, api.clock)
        self._beside = route_shop_paths(self._app, shop_app(self._http, facts))
        api.clients.push_async_callback(self._http.aclose)

    async def as_(self, role: Role, name: str) -> httpx.AsyncClient:
        async def hear(answer: httpx.Response) -> None:
            await answer.aread()
            self.heard.append(answer)

        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self._beside),
            base_url="http://drops.example",
            headers={"Authorization": f"Bearer {token(role, name)}"},
            event_hooks={"response": [hear]},
        )
        return await self.api.clients.enter_async_context(client)

    async def ann(self) -> httpx.AsyncClient:
        return await self.as_(Role.STUDENT, "ann")

    async def coupon(self, number: int = 1, student: str = "ann") -> str:
        """The coupon takes ¥10 off."""
        return await give_coupon(self.api.parts.ledger, number, student)


@pytest_asyncio.fixture
async def shop(api: Api, tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(api, tmp_path / "shop")
    yield made
    for answer in made.heard:
        assert "eyJ" not in answer.text + str(answer.headers)  # how every token of ours begins


def an_order(code: str, payable: int = 10_000) -> Json:
    return {"lines": ALGEBRA_AND_WRITING, "coupons": [code], "expected_payable": payable}


async def placed(shop: Shop) -> tuple[httpx.AsyncClient, str]:
    ann, code = await shop.ann(), await shop.coupon()
    order = good(await ann.put(ORDER, json=an_order(code)))
    assert order["state"] == "locked"
    return ann, code


async def test_a_cart_is_quoted_at_the_catalogue_s_prices(shop: Shop) -> None:
    ann, code = await shop.ann(), await shop.coupon()
    cart = {"lines": ALGEBRA_AND_WRITING, "coupons": [code]}
    quote = good(await ann.post("/shop/quotes", json=cart))
    assert (quote["list_total"], quote["subtotal"], quote["payable"]) == (12_900, 11_000, 10_000)
    # 80 + 30 yuan, 10 off: 7.27 and 2.73.
    assert [(line["id"], line["discount"]) for line in quote["lines"]] == [
        ("algebra-1", 727),
        ("writing-1", 273),
    ]
    assert [(each["code"], each["discount"]) for each in quote["usable"]] == [(code, 1_000)]


async def test_a_price_that_a_browser_names_is_refused(shop: Shop) -> None:
    cart = [{"course": "algebra-1", "quantity": 1, "unit_price": 1}]
    answer = await (await shop.ann()).post("/shop/quotes", json={"lines": cart})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "lines.0.unit_price"


@pytest.mark.parametrize(
    ("gift", "name"),
    [
        (Gift("reading-1", 3_900), {"zh": "经典共读", "en": "Reading together"}),
        (Gift("reading-1", 3_900, name="Book"), {"zh": "Book", "en": "Book"}),
        (Gift("mug", 900), {"zh": "mug", "en": "mug"}),
    ],
)
async def test_a_gift_has_a_name_in_the_quote_and_on_the_order(
    shop: Shop, gift: Gift, name: Json
) -> None:
    ann, code = await shop.ann(), await give_coupon(shop.api.parts.ledger, 1, "ann", a_form(gift))
    cart = {"lines": ALGEBRA_AND_WRITING, "coupons": [code]}
    quote = good(await ann.post("/shop/quotes", json=cart))
    order = good(await ann.put(ORDER, json=an_order(code, 11_000)))
    assert [each["name"] for each in (*quote["gifts"], *order["gifts"])] == [name, name]


async def test_what_is_posted_to_people_has_a_shipping_line(shop: Shop) -> None:
    ann = await shop.ann()
    cart = {"lines": [{"course": "physics-1", "quantity": 2}]}
    lines = good(await ann.post("/shop/quotes", json=cart))["lines"]
    assert [(line["id"], line["amount"]) for line in lines] == [
        ("physics-1", 31_800),
        ("shipping", 1_200),
    ]


async def test_an_order_is_locked_paid_and_paid_back_in_part(shop: Shop) -> None:
    ann, code = await placed(shop)
    paid = good(await ann.post(f"{ORDER}/pay"))
    assert (paid["state"], paid["payable"], paid["paid_at"]) == (
        "redeemed",
        10_000,
        paid["paid_at"],
    )
    assert [(each["name"], each["shares"]) for each in paid["coupons"]] == [
        (each["name"], {"algebra-1": 727, "writing-1": 273}) for each in paid["coupons"]
    ]
    assert good(await ann.post(f"{ORDER}/pay")) == paid  # pressed twice

    olga = await shop.as_(Role.OPERATOR, "olga")
    form = {"refund_id": "rfd-1", "lines": [{"id": "writing-1", "quantity": 1}]}
    seen = good(await olga.post(f"{ORDER}/refunds", json={**form, "preview": True}))
    assert (seen["refunded"], seen["coupons"]) == (2_727, [{"code": code, "state": "redeemed"}])
    assert good(await olga.get(ORDER))["refunds"] == []
    after = good(await olga.post(f"{ORDER}/refunds", json=form))
    assert (after["refunded"], after["refunds"][0]["coupons"][0]["code"]) == (2_727, code)
    again = good(await olga.post(f"{ORDER}/refunds", json=form))
    assert (again["refunded"], len(again["refunds"])) == (2_727, 1)
    form = {"refund_id": "rfd-2", "lines": [{"id": "writing-1", "quantity": 1}]}
    refused(await olga.post(f"{ORDER}/refunds", json=form), 409, "refund_too_large")


async def test_orders_are_found_by_number_student_and_code(shop: Shop) -> None:
    ann, code = await placed(shop)
    olga, number = await shop.as_(Role.OPERATOR, "olga"), ORDER.rpartition("/")[2]

    async def found(client: httpx.AsyncClient, search: str) -> list[str]:
        orders = good(await client.get("/shop/orders", params={"search": search}))["orders"]
        return [order["id"] for order in orders]

    for typed in ("", number, number[3:9].upper(), "ANN", code, code.lower().replace("-", " ")):
        assert await found(olga, typed) == [number]
    for typed in ("ben", "%", "_", code + "X"):
        assert await found(olga, typed) == []
    assert await found(ann, code) == [number]
    assert await found(await shop.as_(Role.STUDENT, "ben"), code) == []
    refused(await olga.get("/shop/orders", params={"search": "x" * 101}), 422, "invalid_field")


async def test_a_cancelled_order_gives_its_coupon_back(shop: Shop) -> None:
    ann, code = await placed(shop)
    assert (await coupon_of(shop.api.parts.ledger, code)).state == "locked"
    assert good(await ann.post(f"{ORDER}/cancel"))["state"] == "cancelled"
    assert (await coupon_of(shop.api.parts.ledger, code)).state == "usable"
    assert good(await ann.put(ORDER, json=an_order(code)))["state"] == "locked"


async def test_a_cart_that_was_placed_is_quoted_as_if_its_order_had_locked_nothing(
    shop: Shop,
) -> None:
    ann, code = await placed(shop)
    cart = {"lines": ALGEBRA_AND_WRITING, "coupons": [code]}
    stranger = good(await ann.post("/shop/quotes", json=cart))
    again = good(await ann.post("/shop/quotes", json={**cart, "order_id": ORDER.rsplit("/", 1)[1]}))
    assert (stranger["payable"], again["payable"]) == (11_000, 10_000)


async def test_a_sum_that_another_tab_has_changed_is_not_taken(shop: Shop) -> None:
    ann, _ = await placed(shop)
    without = {"lines": ALGEBRA_AND_WRITING, "coupons": [], "expected_payable": 11_000}
    good(await ann.put(ORDER, json=without))
    problem = refused(await ann.post(f"{ORDER}/pay", json={"paid": 10_000}), 409, "total_changed")
    assert (problem["paid"], problem["payable"], problem["version"]) == (10_000, 11_000, 2)
    assert good(await ann.post(f"{ORDER}/pay", json={"paid": 11_000}))["state"] == "redeemed"


async def has(client: httpx.AsyncClient) -> list[int]:
    return [each["amount"] for each in good(await client.get("/v1/me/balance"))["balances"]]


async def with_balance(shop: Shop, amount: int = 2_000) -> httpx.AsyncClient:
    """Return a client of Ann, who has this balance from an order that she paid."""
    ann = await shop.ann()
    code = await give_coupon(shop.api.parts.ledger, 9, "ann", a_form(Rebate(AmountOff(amount))))
    first = "/shop/orders/ord-that-earned"
    good(await ann.put(first, json=an_order(code, 11_000)))
    good(await ann.post(f"{first}/pay"))
    return ann


def spending(balance: int, payable: int) -> Json:
    return {"lines": ALGEBRA_AND_WRITING, "balance": balance, "expected_payable": payable}


async def test_a_quote_takes_as_much_of_the_balance_as_there_is(shop: Shop) -> None:
    ann, cart = await with_balance(shop), {"lines": ALGEBRA_AND_WRITING}
    without = good(await ann.post("/shop/quotes", json=cart))
    taken = good(await ann.post("/shop/quotes", json={**cart, "use_balance": True}))
    assert (without["balance"], without["payable"]) == ({"available": 2_000, "used": 0}, 11_000)
    assert (taken["balance"], taken["payable"]) == ({"available": 2_000, "used": 2_000}, 9_000)


async def test_a_balance_that_is_more_than_an_order_costs_pays_all_of_it(shop: Shop) -> None:
    ann, writing = await with_balance(shop, 8_000), {"lines": ALGEBRA_AND_WRITING[1:]}
    quote = good(await ann.post("/shop/quotes", json={**writing, "use_balance": True}))
    assert (quote["balance"]["used"], quote["payable"]) == (3_000, 0)
    order = good(await ann.put(ORDER, json={**spending(3_000, 0), **writing}))
    assert (order["balance"], await has(ann)) == (3_000, [5_000])


async def test_the_balance_of_an_order_that_is_called_off_is_back(shop: Shop) -> None:
    ann = await with_balance(shop)
    order = good(await ann.put(ORDER, json=spending(2_000, 9_000)))
    assert (order["balance"], await has(ann)) == (2_000, [0])
    off = good(await ann.post(f"{ORDER}/cancel"))
    assert (off["balance"], await has(ann)) == (2_000, [2_000])


async def test_a_refund_gives_its_part_of_the_balance_back(shop: Shop) -> None:
    ann, olga = await with_balance(shop), await shop.as_(Role.OPERATOR, "olga")
    good(await ann.put(ORDER, json=spending(2_000, 9_000)))
    good(await ann.post(f"{ORDER}/pay"))
    # 80 + 30 yuan, 20 from the balance: 14.55 and 5.45.
    for line, money, balance in (("writing-1", 2_455, 545), ("algebra-1", 6_545, 1_455)):
        form = {"refund_id": f"rfd-{line}", "lines": [{"id": line, "quantity": 1}]}
        made = good(await olga.post(f"{ORDER}/refunds", json=form))["refunds"][-1]
        assert (made["refunded"], made["balance"]) == (money, balance)
    assert await has(ann) == [2_000]


async def test_a_balance_that_is_spent_meanwhile_changes_the_total(shop: Shop) -> None:
    ann = await with_balance(shop)
    good(await ann.put("/shop/orders/ord-another-one", json=spending(2_000, 9_000)))
    problem = refused(await ann.put(ORDER, json=spending(2_000, 9_000)), 409, "total_changed")
    assert problem["payable"] == 11_000


async def test_another_total_than_the_one_on_the_screen_is_refused(shop: Shop) -> None:
    ann, code = await shop.ann(), await shop.coupon()
    problem = refused(await ann.put(ORDER, json=an_order(code, 9_999)), 409, "total_changed")
    assert problem["payable"] == 10_000
    assert good(await ann.get("/shop/orders"))["orders"] == []


async def test_a_coupon_on_another_order_is_told_with_its_reason(shop: Shop) -> None:
    ann, code = await placed(shop)
    other = await ann.put("/shop/orders/ord-another-one", json=an_order(code))
    assert refused(other, 409, "coupon_locked")["coupons"] == [{"code": code, "reason": "locked"}]


async def test_the_same_order_placed_again_is_the_same_lock(shop: Shop) -> None:
    ann, code = await placed(shop)
    again = good(await ann.put(ORDER, json=an_order(code)))
    assert again["coupons"][0]["code"] == code
    assert len(good(await ann.get("/shop/orders"))["orders"]) == 1


async def test_nobody_sees_or_moves_another_student_s_order(shop: Shop) -> None:
    await placed(shop)
    bob = await shop.as_(Role.STUDENT, "bob")
    refused(await bob.get(ORDER), 404, "not_found")
    refused(await bob.post(f"{ORDER}/pay"), 404, "not_found")
    refused(await bob.post(f"{ORDER}/cancel"), 404, "not_found")
    assert good(await bob.get("/shop/orders"))["orders"] == []
    taken = {**an_order("x"), "coupons": [], "expected_payable": 11_000}
    refused(await bob.put(ORDER, json=taken), 409, "wrong_state")


async def test_only_an_operator_pays_back(shop: Shop) -> None:
    ann, _ = await placed(shop)
    form = {"refund_id": "rfd-1", "lines": [{"id": "writing-1"}]}
    refused(await ann.post(f"{ORDER}/refunds", json=form), 403, "wrong_role")
    teacher = await shop.as_(Role.INSTRUCTOR, "tina")
    refused(await teacher.get(ORDER), 403, "wrong_role")
    olga = await shop.as_(Role.OPERATOR, "olga")
    refused(await olga.put(ORDER, json=an_order("x")), 403, "wrong_role")
    refused(await olga.post(f"{ORDER}/refunds", json=form), 409, "wrong_state")  # not paid yet
    assert [each["student"] for each in good(await olga.get("/shop/orders"))["orders"]] == ["ann"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", ""),
        (b'{"lines": []}', "lines"),
        (b'{"lines": [{"course": "no-such", "quantity": 1}]}', "lines.0.course"),
        (b'{"lines": [{"course": "algebra-1", "quantity": 10}]}', "lines.0.quantity"),
        (b'{"lines": [{"course": "algebra-1", "quantity": 1.5}]}', "lines.0.quantity"),
        (b'{"lines": [{"course": "algebra-1", "quantity": 1}], "coupons": [7]}', None),
    ],
)
async def test_what_makes_no_cart_is_refused_by_name(
    shop: Shop, body: bytes, field: str | None
) -> None:
    ann = await shop.ann()
    (error,) = refused(
        await ann.post("/shop/quotes", content=body, headers=AS_JSON), 422, "invalid_field"
    )["errors"]
    assert field is None or error["field"] == field


async def test_a_body_without_end_is_not_read(shop: Shop) -> None:
    ann = await shop.ann()
    refused(
        await ann.post("/shop/quotes", content=b" " * 20_000, headers=AS_JSON), 413, "too_large"
    )


async def test_without_a_good_token_there_is_nothing(shop: Shop) -> None:
    ann = await shop.ann()
    for given, code in (("", "token_missing"), ("Bearer x", "token_invalid")):
        answer = await ann.get("/shop/catalogue", headers={"Authorization": given})
        refused(answer, 401, code)
    refused(await ann.get("/shop/nothing"), 404, "not_found")
    refused(await ann.post("/shop/catalogue"), 405, "wrong_method")
    assert good(await ann.get("/shop/catalogue"))["currency"] == "CNY"


async def test_a_bad_token_is_refused_with_the_reason_as_by_the_api(shop: Shop) -> None:
    ann = await shop.ann()
    bearer = token(Role.STUDENT, "ann", "r", tags="vip")
    answer = await ann.get("/shop/catalogue", headers={"Authorization": f"Bearer {bearer}"})
    problem = refused(answer, 401, "token_invalid")
    assert (problem["reason"], problem["claim"]) == ("claim_type", "tags")


async def test_a_shop_that_classdrop_does_not_know_blames_nobody(api: Api, tmp_path: Path) -> None:
    """Its own token is refused: that is not the student's sign-in."""
    ann = await Shop(api, tmp_path, _ForeignKeys()).ann()
    refused(await ann.post("/shop/quotes", json={"lines": ALGEBRA_AND_WRITING}), 503, "unavailable")


class _ForeignKeys(TokenKeys):
    """A token verifier that accepts what the tests sign, and signs tokens that nobody accepts."""

    def __init__(self) -> None:
        super().__init__(["a-secret-that-is-long-enough-for-a-test"])
        self._foreign = TokenKeys(["another-secret-of-at-least-thirty-two"])

    def sign(self, claims: dict[str, object]) -> str:
        return self._foreign.sign(claims)


async def test_where_nobody_opened_it_there_is_no_shop(api: Api) -> None:
    ann = await api.student()
    refused(await ann.get("/shop/catalogue"), 404, "not_found")
    refused(await ann.put(ORDER, json={}), 404, "not_found")


@pytest.mark.parametrize(
    ("setting", "is_open"), [({}, False), ({"CLASSDROP_DEMO_SHOP": "1"}, True)]
)
async def test_a_web_process_opens_it_only_where_a_setting_says_so(
    api: Api, tmp_path: Path, setting: dict[str, str], is_open: bool
) -> None:
    settings = read_settings({"CLASSDROP_DATA_DIR": str(tmp_path), **setting})
    app = build_app(api.parts)
    async with AsyncExitStack() as stack:
        served = await composition.with_demo_shop(app, stack, settings, KEYS)
        assert (served is not app) is is_open
