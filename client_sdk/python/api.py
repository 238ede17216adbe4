"""`Api`: every HTTP call of PROTOCOL.md, one method each.

Bodies and replies are the JSON of the protocol, typed by `shapes`: times are text, money is minor units.
A call is repeated once where its token has expired, and never otherwise. To repeat a creating call safely,
send the same `idempotency_key` again. Twin of `javascript/api.js`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

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
    ClaimReply,
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
from client_sdk.python.transport import HttpCalls


@dataclass(frozen=True, slots=True)
class Page:
    """The part of a list to return: at most `limit` items, after the `next` of the page before."""

    limit: int | None = None
    after: str | None = None


FIRST_PAGE: Final = Page()


class Api(HttpCalls):
    """The calls of one person, or of the school's back end.

    `get_token` returns a token, or an awaitable of one; `ready`, `live` and `openapi` need none. Call
    `aclose`, or use `async with`. Every call raises ApiError: with the code of the server's refusal, or
    `unreachable` where no reply came within `deadline_s`. PROTOCOL.md lists the codes.
    """

    # Calls of operators: templates, batches, codes, campaigns.

    async def create_template(
        self, form: TemplateForm, *, idempotency_key: str | None = None
    ) -> Template:
        """Create a template. Repeatable with the same `idempotency_key`."""
        return await self._call(
            Template, "POST", "/v1/templates", form, headers=_once(idempotency_key)
        )

    async def list_templates(self, page: Page = FIRST_PAGE) -> Templates:
        """Return a page of templates, newest first."""
        return await self._call(Templates, "GET", "/v1/templates", query=_query(page))

    async def get_template(self, template_id: str) -> Template:
        """Return the newest version of a template."""
        return await self._call(Template, "GET", f"/v1/templates/{_part(template_id)}")

    async def replace_template(
        self, template_id: str, version: int, form: TemplateForm
    ) -> Template:
        """Make a new version. Raise `wrong_state` where `version` is no longer the newest."""
        path = f"/v1/templates/{_part(template_id)}"
        return await self._call(Template, "PUT", path, form, headers={"If-Match": str(version)})

    async def create_batch(self, form: BatchForm, *, idempotency_key: str | None = None) -> Batch:
        """Create a batch. Repeatable with the same `idempotency_key`."""
        return await self._call(Batch, "POST", "/v1/batches", form, headers=_once(idempotency_key))

    async def list_batches(self, page: Page = FIRST_PAGE) -> Batches:
        """Return a page of batches, newest first; to an instructor those that they may drop."""
        return await self._call(Batches, "GET", "/v1/batches", query=_query(page))

    async def get_batch(self, batch_id: str) -> Batch:
        """Return a batch."""
        return await self._call(Batch, "GET", f"/v1/batches/{_part(batch_id)}")

    async def edit_batch(self, batch_id: str, version: int, changes: BatchEdit) -> Batch:
        """Change the fields that `changes` has.

        Raise `wrong_state` where `version` is no longer the newest.
        """
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
        """Make coupons as codes, without a drop. At most 100,000 a call.

        Where `made` is less than `quantity`, the server makes the rest by itself. Repeatable with the same
        `idempotency_key`.
        """
        body = {"quantity": quantity, "source": source}
        path = f"/v1/batches/{_part(batch_id)}/codes"
        return await self._call(CodeRun, "POST", path, body, headers=_once(idempotency_key))

    async def list_codes(self, batch_id: str, page: Page = FIRST_PAGE) -> Codes:
        """Return a page of the batch's codes, newest first."""
        path = f"/v1/batches/{_part(batch_id)}/codes"
        return await self._call(Codes, "GET", path, query=_query(page))

    async def export_codes(self, batch_id: str) -> str:
        """Return all codes of the batch as CSV, with a header line."""
        path = f"/v1/batches/{_part(batch_id)}/codes"
        return await self._call(str, "GET", path, query={"format": "csv"})

    async def void_codes(self, batch_id: str, codes: Sequence[str]) -> VoidedCodes:
        """Void the codes that no student has bound. At most 500 a call; repeatable."""
        path = f"/v1/batches/{_part(batch_id)}/codes/void"
        return await self._call(VoidedCodes, "POST", path, {"codes": list(codes)})

    async def create_campaign(
        self, form: CampaignForm, *, idempotency_key: str | None = None
    ) -> Campaign:
        """Create a campaign. Repeatable with the same `idempotency_key`."""
        return await self._call(
            Campaign, "POST", "/v1/campaigns", form, headers=_once(idempotency_key)
        )

    async def list_campaigns(self, page: Page = FIRST_PAGE) -> Campaigns:
        """Return a page of campaigns, newest first."""
        return await self._call(Campaigns, "GET", "/v1/campaigns", query=_query(page))

    async def get_campaign(self, campaign_id: str) -> Campaign:
        """Return a campaign with its budget."""
        return await self._call(Campaign, "GET", f"/v1/campaigns/{_part(campaign_id)}")

    # Calls of operators: the switch that stops claims, use or both. It works everywhere within a second.

    async def stop_campaign(self, campaign_id: str, form: StopForm) -> Stop:
        """Stop claims, use or both. Orders that are locked can still be paid."""
        return await self._call(Stop, "POST", f"/v1/campaigns/{_part(campaign_id)}/stop", form)

    async def resume_campaign(self, campaign_id: str, form: StopForm) -> Stop:
        """Resume what `form` names."""
        return await self._call(Stop, "POST", f"/v1/campaigns/{_part(campaign_id)}/resume", form)

    async def stop_batch(self, batch_id: str, form: StopForm) -> Stop:
        """Stop claims, use or both. Orders that are locked can still be paid."""
        return await self._call(Stop, "POST", f"/v1/batches/{_part(batch_id)}/stop", form)

    async def resume_batch(self, batch_id: str, form: StopForm) -> Stop:
        """Resume what `form` names."""
        return await self._call(Stop, "POST", f"/v1/batches/{_part(batch_id)}/resume", form)

    async def stop_everything(self, form: StopForm) -> Stop:
        """Stop claims, use or both, of all batches."""
        return await self._call(Stop, "POST", "/v1/stop", form)

    async def resume_everything(self, form: StopForm) -> Stop:
        """Resume what `form` names. A batch or campaign that is stopped by itself stays stopped."""
        return await self._call(Stop, "POST", "/v1/resume", form)

    async def get_stop(self) -> Stop:
        """Return what is stopped of all batches."""
        return await self._call(Stop, "GET", "/v1/stop")

    # Calls of the instructors of a room.

    async def create_drop(
        self, room: str, form: DropForm, *, idempotency_key: str | None = None
    ) -> DropReport:
        """Open a drop, or prepare it. Repeatable with the same `idempotency_key`."""
        return await self._call(
            DropReport, "POST", _drops(room), form, headers=_once(idempotency_key)
        )

    async def list_drops(self, room: str, page: Page = FIRST_PAGE) -> DropReports:
        """Return a page of the room's drops, newest first."""
        return await self._call(DropReports, "GET", _drops(room), query=_query(page))

    async def get_drop(self, room: str, drop_id: str) -> DropReport:
        """Return a drop with its live counters."""
        return await self._call(DropReport, "GET", _drops(room, drop_id))

    async def open_drop(self, room: str, drop_id: str) -> DropReport:
        """Open a prepared drop. Repeatable."""
        return await self._call(DropReport, "POST", _drops(room, drop_id, "/open"))

    async def close_drop(self, room: str, drop_id: str) -> DropReport:
        """Close a drop before its time. Repeatable."""
        return await self._call(DropReport, "POST", _drops(room, drop_id, "/close"))

    async def top_up_drop(
        self, room: str, drop_id: str, *, add: int, expected_quantity: int
    ) -> DropReport:
        """Add units. `expected_quantity` is what the instructor saw, so that a repetition adds nothing."""
        body = {"add": add, "expected_quantity": expected_quantity}
        return await self._call(DropReport, "POST", _drops(room, drop_id, "/top-up"), body)

    async def extend_drop(
        self, room: str, drop_id: str, *, seconds: int, expected_closes_at: str
    ) -> DropReport:
        """Move the end. `expected_closes_at` is what the instructor saw, so a repetition moves nothing."""
        body = {"seconds": seconds, "expected_closes_at": expected_closes_at}
        return await self._call(DropReport, "POST", _drops(room, drop_id, "/extend"), body)

    async def drop_claims(
        self, room: str, drop_id: str, *, student: str | None = None, page: Page = FIRST_PAGE
    ) -> DropClaims:
        """Return a page of the drop's claims, newest first; of one student where `student` is given."""
        query = _query(page, student=student)
        return await self._call(DropClaims, "GET", _drops(room, drop_id, "/claims"), query=query)

    # Calls of students.

    async def snapshot(self, room: str) -> Snapshot:
        """Return what a `welcome` frame would contain now."""
        return await self._call(Snapshot, "GET", f"/v1/rooms/{_part(room)}/snapshot")

    async def claim(self, drop_id: str, request_id: str) -> ClaimReply:
        """Claim a unit of the drop. The same `request_id` always gets the same win.

        Every outcome is a reply, not an error. `RoomClient.claim` calls this where the socket is silent.
        """
        path = f"/v1/drops/{_part(drop_id)}/claims"
        return await self._call(ClaimReply, "POST", path, {"request_id": request_id})

    async def my_coupons(self, *, state: str | None = None, page: Page = FIRST_PAGE) -> Wallet:
        """Return a page of the student's coupons, newest first; those in `state` where it is given."""
        return await self._call(Wallet, "GET", "/v1/me/coupons", query=_query(page, state=state))

    async def my_balance(self, page: Page = FIRST_PAGE) -> Account:
        """Return the student's balance from rebates, with a page of its entries."""
        return await self._call(Account, "GET", "/v1/me/balance", query=_query(page))

    async def bind_coupon(self, code: str) -> WalletCoupon:
        """Put the coupon of a code, as it was typed, into the student's wallet. Repeatable.

        Raise `not_found` for every code that this student cannot have, whatever the reason.
        """
        return await self._call(WalletCoupon, "POST", "/v1/me/coupons", {"code": code})

    # Calls of students and of the school's back end: the price of an order, and its payment.

    async def quote(self, form: QuoteForm) -> Quote:
        """Return what an order costs with the given coupons. This changes nothing."""
        return await self._call(Quote, "POST", "/v1/quotes", form)

    async def lock_redemption(self, form: RedemptionForm) -> Redemption:
        """Lock coupons for an order.

        A repetition with the same `order_id` replaces the lock, under the same id. Raise `coupon_locked`,
        `coupon_unusable`, `total_changed`, or `wrong_state` for an order that is paid or of another student.
        """
        return await self._call(Redemption, "POST", "/v1/redemptions", form)

    async def get_redemption(self, redemption_id: str) -> Redemption:
        """Return a redemption with its refunds."""
        return await self._call(Redemption, "GET", f"/v1/redemptions/{_part(redemption_id)}")

    async def find_redemption(self, order_id: str) -> Redemption:
        """Return the redemption of an order, with its refunds."""
        query = {"order_id": order_id}
        return await self._call(Redemption, "GET", "/v1/redemptions", query=query)

    async def confirm_redemption(
        self, redemption_id: str, payment: Payment | None = None
    ) -> Redemption:
        """Redeem the coupons, because the order was paid. Repeatable.

        Raise `total_changed` where the payment was for another lock of the order.
        """
        path = f"/v1/redemptions/{_part(redemption_id)}/confirm"
        return await self._call(Redemption, "POST", path, payment or {})

    async def cancel_redemption(self, redemption_id: str) -> Redemption:
        """Free the coupons of an order that is not paid. Repeatable. Raise `wrong_state` where it is paid."""
        path = f"/v1/redemptions/{_part(redemption_id)}/cancel"
        return await self._call(Redemption, "POST", path)

    async def refund(self, order_id: str, form: RefundForm) -> Refund:
        """Refund lines of a paid order. Repeatable by `refund_id`.

        Without `lines` all that is left of the order is refunded; an empty list is refused. With `preview`
        the reply says what the refund would come to, and nothing changes. Raise `refund_too_large`.
        """
        return await self._call(Refund, "POST", f"/v1/orders/{_part(order_id)}/refunds", form)

    # Calls of operators and finance.

    async def get_order(self, order_id: str) -> OrderRecord:
        """Return an order's record: list prices, coupons, discounts by line, payment, refunds, all times."""
        return await self._call(OrderRecord, "GET", f"/v1/orders/{_part(order_id)}")

    async def get_coupon(self, code: str) -> CouponRecord:
        """Return a coupon of any student, with its whole history."""
        return await self._call(CouponRecord, "GET", f"/v1/coupons/{_part(code)}")

    async def list_acts(
        self, *, actor: str | None = None, subject: str | None = None, page: Page = FIRST_PAGE
    ) -> Acts:
        """Return a page of acts, newest first; of one actor, or on the thing with the id `subject`."""
        query = _query(page, actor=actor, subject=subject)
        return await self._call(Acts, "GET", "/v1/acts", query=query)

    # Calls that need no token.

    async def live(self) -> object:
        """Return where the process runs. It says nothing of Redis and SQL."""
        return await self._call(object, "GET", "/livez")

    async def ready(self) -> object:
        """Return where the process can serve. Raise `unavailable` where it cannot."""
        return await self._call(object, "GET", "/readyz")

    async def metrics(self) -> str:
        """Return the metrics as Prometheus text."""
        return await self._call(str, "GET", "/metrics")

    async def openapi(self) -> dict[str, object]:
        """Return the OpenAPI document of the running server."""
        return await self._call(dict[str, object], "GET", "/openapi.json")


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
