"""The client of Classdrop's API, as a school's back end would write it.

Called by `checkout`. Signs a service token for each request; the token is never in a response or a log.
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
    """Every method returns the response's JSON, or a Refusal; none raises for a refusal or a lost connection.

    `http` has the base URL and a timeout; the caller closes it.
    """

    def __init__(self, http: httpx.AsyncClient, keys: TokenKeys, clock: Callable[[], int]) -> None:
        self._http = http
        self._keys = keys
        self._clock = clock

    async def quote(self, student: str, form: Json) -> Json | Refusal:
        """`form`: order, coupons, balance, order_id."""
        body = {"student": student, **form}
        return await self._call("POST", "/v1/quotes", body)

    async def prompts(self, student: str, form: Json) -> Json | Refusal:
        """`form`: order, coupons, order_id."""
        return await self._call("POST", "/v1/prompts", {"student": student, **form})

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
            response = await self._request_with_retry(method, path, body)
        except httpx.TransportError as error:
            _log.warning("classdrop_unreachable", path=path, error=repr(error))
            return UNAVAILABLE
        found = _json(response)
        if response.is_success:
            return found
        if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            # The refused token is ours, not the student's, so they are not asked to sign in again.
            _log.error("classdrop_refuses_us", path=path, code=found.get("code"))
            return UNAVAILABLE
        facts = {key: value for key, value in found.items() if key not in ("code", "status")}
        return Refusal(response.status_code, str(found.get("code", "unavailable")), facts)

    async def _request_with_retry(
        self, method: str, path: str, body: Json | None
    ) -> httpx.Response:
        """Send the request, again where a pooled connection was closed: every request may be repeated."""
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


def _json(response: httpx.Response) -> Json:
    try:
        found = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
