"""Every HTTP call of the contract, one method each, and `make_token` for the school's own back end.

Bodies and answers are the contract's JSON as it is (`shapes`): times are text. Nothing is repeated
behind the caller's back except once with a new token where the old one has expired: send an
`idempotency_key` and repeat a creating call yourself. Twin of `javascript/api.js`.
"""

import base64
import hashlib
import hmac
import inspect
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, TypeVar, cast
from urllib.parse import quote

import httpx

from client_sdk.python.frames import checked_room, http_url
from client_sdk.python.shapes import (
    Account,
    Acts,
    Batch,
    BatchEdit,
    Batches,
    BatchForm,
    Campaign,
    CampaignForm,
    Campaigns,
    ClaimAnswer,
    CodeRun,
    Codes,
    CodeSource,
    CouponRecord,
    DropClaims,
    DropForm,
    DropReport,
    DropReports,
    OrderRecord,
    Payment,
    Quote,
    QuoteForm,
    Redemption,
    RedemptionForm,
    Refund,
    RefundForm,
    Role,
    Snapshot,
    Stop,
    StopForm,
    Template,
    TemplateForm,
    Templates,
    VoidedCodes,
    Wallet,
    WalletCoupon,
)

GetToken = Callable[[], Awaitable[str] | str]

_RETRYABLE: Final = frozenset({"unavailable", "rate_limited", "in_progress", "unreachable"})
_DEADLINE_S: Final = 10.0
_NO_HEADERS: Final[Mapping[str, str]] = {}
_T = TypeVar("_T")


class ApiError(Exception):
    """The server said no (`code` is one of the contract's), or could not be asked (`unreachable`,
    status 0).

    `facts` is what the answer holds besides: `available`, `coupons`, `errors`, `reason`, …; `retryable`: the
    same call may succeed later.
    """

    def __init__(
        self,
        code: str,
        status: int,
        facts: Mapping[str, object] | None = None,
        retry_after_ms: int | None = None,
    ) -> None:
        self.code = code
        self.status = status
        self.facts = facts or {}
        self.retryable = code in _RETRYABLE or status >= 500
        self.retry_after_ms = retry_after_ms
        super().__init__(str(self.facts.get("detail") or code))


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, newest first; `after` is the `next` of the page before."""

    limit: int | None = None
    after: str | None = None


FIRST_PAGE: Final = Page()


class Api:
    """`get_token` is not needed for `ready`, `live` and `openapi`. Close it, or use `async with`."""

    def __init__(
        self,
        url: str,
        get_token: GetToken = lambda: "",
        *,
        http: httpx.AsyncClient | None = None,
        deadline_s: float = _DEADLINE_S,
    ) -> None:
        self._url = http_url(url)
        self._get_token = get_token
        self._http = http or httpx.AsyncClient(timeout=deadline_s)
        self._token: str | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def fresh_token(self) -> str:
        """A new token from `get_token`, kept for the calls that follow."""
        given = self._get_token()
        self._token = await given if inspect.isawaitable(given) else given
        return self._token

    # Operators: what a coupon is worth, and how many go out.

    async def create_template(
        self, form: TemplateForm, *, idempotency_key: str | None = None
    ) -> Template:
        return await self._call(
            Template, "POST", "/v1/templates", form, headers=_once(idempotency_key)
        )

    async def list_templates(self, page: Page = FIRST_PAGE) -> Templates:
        return await self._call(Templates, "GET", "/v1/templates", query=_query(page))

    async def get_template(self, template_id: str) -> Template:
        return await self._call(Template, "GET", f"/v1/templates/{_part(template_id)}")

    async def replace_template(
        self, template_id: str, version: int, form: TemplateForm
    ) -> Template:
        """A new version; `wrong_state` where `version` is no longer the newest."""
        path = f"/v1/templates/{_part(template_id)}"
        return await self._call(Template, "PUT", path, form, headers={"If-Match": str(version)})

    async def create_batch(self, form: BatchForm, *, idempotency_key: str | None = None) -> Batch:
        return await self._call(Batch, "POST", "/v1/batches", form, headers=_once(idempotency_key))

    async def list_batches(self, page: Page = FIRST_PAGE) -> Batches:
        return await self._call(Batches, "GET", "/v1/batches", query=_query(page))

    async def get_batch(self, batch_id: str) -> Batch:
        return await self._call(Batch, "GET", f"/v1/batches/{_part(batch_id)}")

    async def edit_batch(self, batch_id: str, version: int, changes: BatchEdit) -> Batch:
        """What is in `changes` is changed. `wrong_state` where `version` is no longer the newest."""
        path, headers = f"/v1/batches/{_part(batch_id)}", {"If-Match": str(version)}
        return await self._call(Batch, "PATCH", path, changes, headers=headers)

    async def make_codes(
        self,
        batch_id: str,
        quantity: int,
        *,
        source: CodeSource = "list",
        idempotency_key: str | None = None,
    ) -> CodeRun:
        """Codes without a drop. Where `made` is less than `quantity`, the rest follows by itself."""
        body = {"quantity": quantity, "source": source}
        path = f"/v1/batches/{_part(batch_id)}/codes"
        return await self._call(CodeRun, "POST", path, body, headers=_once(idempotency_key))

    async def list_codes(self, batch_id: str, page: Page = FIRST_PAGE) -> Codes:
        path = f"/v1/batches/{_part(batch_id)}/codes"
        return await self._call(Codes, "GET", path, query=_query(page))

    async def export_codes(self, batch_id: str) -> str:
        """All of them as CSV, with a head."""
        path = f"/v1/batches/{_part(batch_id)}/codes"
        return await self._call(str, "GET", path, query={"format": "csv"})

    async def void_codes(self, batch_id: str, codes: Sequence[str]) -> VoidedCodes:
        """Those that nobody has bound. At most 500 a call; repeatable."""
        path = f"/v1/batches/{_part(batch_id)}/codes/void"
        return await self._call(VoidedCodes, "POST", path, {"codes": list(codes)})

    async def create_campaign(
        self, form: CampaignForm, *, idempotency_key: str | None = None
    ) -> Campaign:
        return await self._call(
            Campaign, "POST", "/v1/campaigns", form, headers=_once(idempotency_key)
        )

    async def list_campaigns(self, page: Page = FIRST_PAGE) -> Campaigns:
        return await self._call(Campaigns, "GET", "/v1/campaigns", query=_query(page))

    async def get_campaign(self, campaign_id: str) -> Campaign:
        return await self._call(Campaign, "GET", f"/v1/campaigns/{_part(campaign_id)}")

    # Operators: the switch that stops claims, use or both, everywhere within a second.

    async def stop_campaign(self, campaign_id: str, form: StopForm) -> Stop:
        """Orders that are locked are paid all the same."""
        return await self._call(Stop, "POST", f"/v1/campaigns/{_part(campaign_id)}/stop", form)

    async def resume_campaign(self, campaign_id: str, form: StopForm) -> Stop:
        return await self._call(Stop, "POST", f"/v1/campaigns/{_part(campaign_id)}/resume", form)

    async def stop_batch(self, batch_id: str, form: StopForm) -> Stop:
        return await self._call(Stop, "POST", f"/v1/batches/{_part(batch_id)}/stop", form)

    async def resume_batch(self, batch_id: str, form: StopForm) -> Stop:
        return await self._call(Stop, "POST", f"/v1/batches/{_part(batch_id)}/resume", form)

    async def stop_everything(self, form: StopForm) -> Stop:
        return await self._call(Stop, "POST", "/v1/stop", form)

    async def resume_everything(self, form: StopForm) -> Stop:
        return await self._call(Stop, "POST", "/v1/resume", form)

    async def get_stop(self) -> Stop:
        """Whether everything is stopped."""
        return await self._call(Stop, "GET", "/v1/stop")

    # Instructors of a room.

    async def create_drop(
        self, room: str, form: DropForm, *, idempotency_key: str | None = None
    ) -> DropReport:
        return await self._call(
            DropReport, "POST", _drops(room), form, headers=_once(idempotency_key)
        )

    async def list_drops(self, room: str, page: Page = FIRST_PAGE) -> DropReports:
        return await self._call(DropReports, "GET", _drops(room), query=_query(page))

    async def get_drop(self, room: str, drop_id: str) -> DropReport:
        return await self._call(DropReport, "GET", _drops(room, drop_id))

    async def open_drop(self, room: str, drop_id: str) -> DropReport:
        return await self._call(DropReport, "POST", _drops(room, drop_id, "/open"))

    async def close_drop(self, room: str, drop_id: str) -> DropReport:
        return await self._call(DropReport, "POST", _drops(room, drop_id, "/close"))

    async def top_up_drop(
        self, room: str, drop_id: str, *, add: int, expected_quantity: int
    ) -> DropReport:
        """`expected_quantity` is what the instructor saw: pressing twice adds once."""
        body = {"add": add, "expected_quantity": expected_quantity}
        return await self._call(DropReport, "POST", _drops(room, drop_id, "/top-up"), body)

    async def extend_drop(
        self, room: str, drop_id: str, *, seconds: int, expected_closes_at: str
    ) -> DropReport:
        body = {"seconds": seconds, "expected_closes_at": expected_closes_at}
        return await self._call(DropReport, "POST", _drops(room, drop_id, "/extend"), body)

    async def drop_claims(
        self, room: str, drop_id: str, *, student: str | None = None, page: Page = FIRST_PAGE
    ) -> DropClaims:
        query = _query(page, student=student)
        return await self._call(DropClaims, "GET", _drops(room, drop_id, "/claims"), query=query)

    # Students.

    async def snapshot(self, room: str) -> Snapshot:
        return await self._call(Snapshot, "GET", f"/v1/rooms/{_part(room)}/snapshot")

    async def claim(self, drop_id: str, request_id: str) -> ClaimAnswer:
        """Any outcome is an answer here, not an error. `RoomClient.claim` does this when it has to."""
        path = f"/v1/drops/{_part(drop_id)}/claims"
        return await self._call(ClaimAnswer, "POST", path, {"request_id": request_id})

    async def my_coupons(self, *, state: str | None = None, page: Page = FIRST_PAGE) -> Wallet:
        return await self._call(Wallet, "GET", "/v1/me/coupons", query=_query(page, state=state))

    async def my_balance(self, page: Page = FIRST_PAGE) -> Account:
        """From rebates."""
        return await self._call(Account, "GET", "/v1/me/balance", query=_query(page))

    async def bind_coupon(self, code: str) -> WalletCoupon:
        """A code as it was typed, into my wallet. Repeatable; `not_found` for every code that is not mine
        to have."""
        return await self._call(WalletCoupon, "POST", "/v1/me/coupons", {"code": code})

    # Students and the school's back end: what an order costs, and paying for it.

    async def quote(self, form: QuoteForm) -> Quote:
        return await self._call(Quote, "POST", "/v1/quotes", form)

    async def lock_redemption(self, form: RedemptionForm) -> Redemption:
        """Repeatable by `order_id`: while locked, the lock is replaced under the same id."""
        return await self._call(Redemption, "POST", "/v1/redemptions", form)

    async def get_redemption(self, redemption_id: str) -> Redemption:
        return await self._call(Redemption, "GET", f"/v1/redemptions/{_part(redemption_id)}")

    async def find_redemption(self, order_id: str) -> Redemption:
        query = {"order_id": order_id}
        return await self._call(Redemption, "GET", "/v1/redemptions", query=query)

    async def confirm_redemption(
        self, redemption_id: str, payment: Payment | None = None
    ) -> Redemption:
        """Repeatable. `total_changed` where it was paid for another lock of the order."""
        path = f"/v1/redemptions/{_part(redemption_id)}/confirm"
        return await self._call(Redemption, "POST", path, payment or {})

    async def cancel_redemption(self, redemption_id: str) -> Redemption:
        """Repeatable."""
        path = f"/v1/redemptions/{_part(redemption_id)}/cancel"
        return await self._call(Redemption, "POST", path)

    async def refund(self, order_id: str, form: RefundForm) -> Refund:
        """Repeatable by `refund_id`. Without `lines` all that is left of the order; none is refused. With
        `preview` it is only said what the refund would come to."""
        return await self._call(Refund, "POST", f"/v1/orders/{_part(order_id)}/refunds", form)

    # Operators and finance.

    async def get_order(self, order_id: str) -> OrderRecord:
        """List price, coupons, shares, payment, refunds and all times."""
        return await self._call(OrderRecord, "GET", f"/v1/orders/{_part(order_id)}")

    async def get_coupon(self, code: str) -> CouponRecord:
        """With its whole history, whoever it belongs to."""
        return await self._call(CouponRecord, "GET", f"/v1/coupons/{_part(code)}")

    async def list_acts(
        self, *, actor: str | None = None, subject: str | None = None, page: Page = FIRST_PAGE
    ) -> Acts:
        """Who did what; of one person, or to the thing of one id."""
        query = _query(page, actor=actor, subject=subject)
        return await self._call(Acts, "GET", "/v1/acts", query=query)

    # Anyone.

    async def live(self) -> object:
        """The process runs."""
        return await self._call(object, "GET", "/livez")

    async def ready(self) -> object:
        """It can serve; `unavailable` where it cannot."""
        return await self._call(object, "GET", "/readyz")

    async def metrics(self) -> str:
        """Prometheus text."""
        return await self._call(str, "GET", "/metrics")

    async def openapi(self) -> dict[str, object]:
        return await self._call(dict[str, object], "GET", "/openapi.json")

    async def _call(
        self,
        shape: type[_T],
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> _T:
        """`shape` is what the contract promises, not checked here: an older SDK reads what it knows."""
        sent = {"Accept": "application/json", **headers}
        request = self._http.build_request(
            method, self._url + path, json=body, params=query, headers=sent
        )
        used = self._token if self._token is not None else await self.fresh_token()
        try:
            return cast(_T, await self._ask(request, used))
        except ApiError as error:
            if error.code != "token_expired":
                raise
        # Another call may have fetched a new one meanwhile.
        fresh = self._token if self._token not in (None, used) else await self.fresh_token()
        return cast(_T, await self._ask(request, fresh or ""))

    async def _ask(self, request: httpx.Request, token: str) -> object:
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        try:
            response = await self._http.send(request)
        except httpx.HTTPError as error:
            raise ApiError("unreachable", 0, {"detail": str(error)}) from error
        return _answer(response)


def _once(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Idempotency-Key": key}


def _part(name: str) -> str:
    return quote(name, safe="")


def _drops(room: str, drop_id: str | None = None, call: str = "") -> str:
    path = f"/v1/rooms/{_part(room)}/drops"
    return path if drop_id is None else f"{path}/{_part(drop_id)}{call}"


def _query(page: Page, **more: str | None) -> dict[str, str]:
    given = {"limit": page.limit, "after": page.after, **more}
    return {name: str(value) for name, value in given.items() if value is not None}


def _answer(response: httpx.Response) -> object:
    answer = _json(response)
    if response.is_success:
        return answer
    facts = dict(answer) if isinstance(answer, dict) else {"detail": response.text[:200]}
    code = facts.pop("code", None)
    wait = response.headers.get("Retry-After", "")
    raise ApiError(
        code if isinstance(code, str) else _code_of(response.status_code),
        response.status_code,
        facts,
        int(wait) * 1000 if wait.isdecimal() else None,
    )


def _json(response: httpx.Response) -> Any:
    """A proxy's page may call itself JSON."""
    if "json" not in response.headers.get("Content-Type", ""):
        return response.text
    try:
        return response.json()
    except ValueError:
        return response.text


def _code_of(status: int) -> str:
    """Where something between us and the server answered in its place."""
    return {429: "rate_limited", 413: "too_large"}.get(
        status, "unavailable" if status >= 500 else "unknown"
    )


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom a token is for. `sub`: `[A-Za-z0-9_.:-]{1,64}`; `device` and `person` are the school's
    hashes."""

    sub: str
    role: Role
    rooms: Sequence[str] = ()
    tags: Sequence[str] = ()
    name: str | None = None
    device: str | None = None
    person: str | None = None
    is_new: bool = False


def make_token(
    secret: str, who: Bearer, *, ttl_seconds: int = 4 * 3600, now: int | None = None
) -> str:
    """A token as the school's back end makes it: HS256 JWT. `now` is ms, the clock's if absent.

    For servers only: whoever has the secret is everybody. ValueError for a room that cannot be reached.
    """
    issued = (time.time_ns() // 1_000_000 if now is None else now) // 1000
    claims: dict[str, object] = {
        "aud": "classdrop",
        "sub": who.sub,
        "role": who.role,
        "rooms": [checked_room(room) for room in who.rooms],
        "tags": list(who.tags),
        "iat": issued,
        "exp": issued + ttl_seconds,
        "jti": str(uuid.uuid4()),
    }
    optional = {"name": who.name, "device": who.device, "person": who.person}
    claims |= {name: value for name, value in optional.items() if value is not None}
    if who.is_new:
        claims["new"] = True
    head = (
        f"{_base64_url(_compact({'alg': 'HS256', 'typ': 'JWT'}))}.{_base64_url(_compact(claims))}"
    )
    signature = hmac.new(secret.encode(), head.encode(), hashlib.sha256).digest()
    return f"{head}.{_base64_url(signature)}"


def _compact(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _base64_url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
