"""The calls that a school's back end makes to Classdrop, with a service token made for each of them.

Called by `till`. The token goes into the request and nowhere else: not into an answer, not into a log.
"""

from collections.abc import Callable
from typing import Final, Literal
from urllib.parse import quote

import httpx
import orjson
import structlog

from server.demo_shop.refusal import UNAVAILABLE, Json, Refusal
from server.tokens import TokenKeys

SUBJECT: Final = "demo-shop"
_TOKEN_SECONDS: Final = 300
_log = structlog.get_logger()


class Classdrop:
    """`http` knows the address and has a deadline; it is the caller's to close."""

    def __init__(self, http: httpx.AsyncClient, keys: TokenKeys, clock: Callable[[], int]) -> None:
        self._http = http
        self._keys = keys
        self._clock = clock

    async def quote(self, student: str, form: Json) -> Json | Refusal:
        """`form`: order, coupons, balance, order_id."""
        body = {"student": student, **form}
        return await self._call("POST", "/v1/quotes", body)

    async def lock(self, order_id: str, student: str, form: Json) -> Json | Refusal:
        """`form`: order, coupons, balance, expected_payable."""
        body = {"order_id": order_id, "student": student, **form}
        return await self._call("POST", "/v1/redemptions", body)

    async def redemption(self, redemption_id: str) -> Json | Refusal:
        return await self._call("GET", f"/v1/redemptions/{redemption_id}")

    async def confirm(self, redemption_id: str, form: Json) -> Json | Refusal:
        """`form`: payment_ref, paid."""
        return await self._call("POST", f"/v1/redemptions/{redemption_id}/confirm", form)

    async def cancel(self, redemption_id: str) -> Json | Refusal:
        return await self._call("POST", f"/v1/redemptions/{redemption_id}/cancel")

    async def refund(self, order_id: str, form: Json) -> Json | Refusal:
        return await self._call("POST", f"/v1/orders/{quote(order_id, safe='')}/refunds", form)

    async def _call(
        self, method: Literal["GET", "POST"], path: str, body: Json | None = None
    ) -> Json | Refusal:
        try:
            answer = await self._request_once_more(method, path, body)
        except httpx.TransportError as error:
            _log.warning("classdrop_unreachable", path=path, error=repr(error))
            return UNAVAILABLE
        found = _json(answer)
        if answer.is_success:
            return found
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            # Of our token, not of the student's: nothing that they could do about it.
            _log.error("classdrop_refuses_us", path=path, code=found.get("code"))
            return UNAVAILABLE
        facts = {key: value for key, value in found.items() if key not in ("code", "status")}
        return Refusal(answer.status_code, str(found.get("code", "unavailable")), facts)

    async def _request_once_more(self, method: str, path: str, body: Json | None) -> httpx.Response:
        """Once more where a kept connection turned out to be closed: all of these may be repeated."""
        headers = {"Authorization": f"Bearer {self._token()}"}
        try:
            return await self._http.request(method, path, json=body, headers=headers)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            return await self._http.request(method, path, json=body, headers=headers)

    def _token(self) -> str:
        now_s = self._clock() // 1000
        return self._keys.sign(
            {"sub": SUBJECT, "role": "service", "iat": now_s, "exp": now_s + _TOKEN_SECONDS}
        )


def _json(answer: httpx.Response) -> Json:
    try:
        found = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
