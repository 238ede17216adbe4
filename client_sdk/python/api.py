"""`Api`: the HTTP calls of PROTOCOL.md that students, instructors and a checkout make, one method each.

`office_api` has the rest. Bodies and replies are the JSON of the protocol, typed by `shapes`: times are text,
money is minor units. A call is repeated once where its token has expired, and never otherwise. To repeat a
creating call safely, send the same `idempotency_key` again. Twin of `javascript/api.js`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from client_sdk.python.shapes import (
    Account,
    AnswerForm,
    Batches,
    ClaimReply,
    Draw,
    DrawEntry,
    DropClaims,
    DropEdit,
    DropForm,
    DropReport,
    DropReports,
    Invitation,
    InviteLink,
    LinkCard,
    Lottery,
    MyMessages,
    MyOffers,
    Offer,
    OfferForm,
    Offers,
    OffersMade,
    OfferState,
    OrderEntryForm,
    OwnTask,
    Payment,
    Prompts,
    Quote,
    QuoteForm,
    Receipt,
    Redemption,
    RedemptionForm,
    Refund,
    RefundForm,
    ReopenForm,
    RoomStudents,
    RunningOrder,
    ScreenLink,
    Snapshot,
    Spin,
    SpinOutcome,
    Spins,
    TaskProgress,
    Ticket,
    TicketCard,
    Wallet,
    WalletCoupon,
)
from client_sdk.python.transport import HttpCalls, escaped, once_header


@dataclass(frozen=True, slots=True)
class Page:
    """The part of a list to return: at most `limit` items, after the `next` of the page before."""

    limit: int | None = None
    after: str | None = None


FIRST_PAGE: Final = Page()


class Api(HttpCalls):
    """The calls of one person in a class, or of a checkout.

    `get_token` returns a token, or an awaitable of one; `ready`, `live` and `openapi` need none. Call
    `aclose`, or use `async with`. Every call raises ApiError: with the code of the server's refusal, or
    `unreachable` where no reply came within `deadline_s`. PROTOCOL.md lists the codes.
    """

    # Calls of operators: templates, batches, codes, campaigns.

    async def list_batches(self, page: Page = FIRST_PAGE) -> Batches:
        """Return a page of batches, newest first; to an instructor those that they may drop."""
        return await self._call(Batches, "GET", "/v1/batches", query=page_query(page))

    # Links: operators make them, students of any room claim by them.

    async def link_card(self, link_id: str) -> LinkCard:
        """Return what anybody may see of a link, by its slug or id. Needs no token."""
        return await self._call(LinkCard, "GET", f"/v1/links/{escaped(link_id)}/card")

    async def count_visitor(self, link_id: str, visitor: str) -> object:
        """Count somebody who has the link's page on the screen; 8 to 64 characters. Needs no token."""
        path = f"/v1/links/{escaped(link_id)}/opened"
        return await self._call(object, "POST", path, {"visitor": visitor})

    async def claim_by_link(self, link_id: str, request_id: str) -> ClaimReply:
        """Claim a unit by the link, in any room or none. The same `request_id` always gets the same win."""
        path = f"/v1/links/{escaped(link_id)}/claims"
        return await self._call(ClaimReply, "POST", path, {"request_id": request_id})

    async def ticket(self, room: str, drop_id: str, size: int = 480) -> Ticket:
        """Return the changing QR code of an open drop, for a screen. Fetch the next one at `changes_at`."""
        path, query = f"{_drops(room, drop_id)}/ticket", {"size": str(size)}
        return await self._call(Ticket, "GET", path, query=query)

    async def ticket_card(self, ticket: str) -> TicketCard:
        """Return what anybody may see by a ticket while it is good. Needs no token."""
        return await self._call(TicketCard, "GET", f"/v1/tickets/{escaped(ticket)}/card")

    async def claim_by_ticket(
        self, ticket: str, request_id: str, client_random: str | None = None
    ) -> ClaimReply:
        """Claim a unit of the ticket's drop, whatever rooms the token names. Raise `ticket_expired` where
        the screen shows another code by now. `client_random`: for a draw, as of `claim`."""
        path, body = f"/v1/tickets/{escaped(ticket)}/claims", {"request_id": request_id}
        if client_random is not None:
            body["client_random"] = client_random
        return await self._call(ClaimReply, "POST", path, body)

    # Offers: a teacher keeps a coupon for one student.

    async def make_offers(
        self, room: str, form: OfferForm, *, idempotency_key: str | None = None
    ) -> OffersMade:
        """Keep a coupon for each of some students. Repeatable with the same `idempotency_key`.

        Raise `stock_short` where the batch has too few. Students who can have none are in `refused`.
        """
        path = f"/v1/rooms/{escaped(room)}/offers"
        return await self._call(
            OffersMade, "POST", path, form, headers=once_header(idempotency_key)
        )

    async def list_offers(
        self, room: str, page: Page = FIRST_PAGE, *, state: OfferState | None = None
    ) -> Offers:
        """Return a page of the room's offers, newest first."""
        path = f"/v1/rooms/{escaped(room)}/offers"
        return await self._call(Offers, "GET", path, query=page_query(page, state=state))

    async def withdraw_offer(self, room: str, offer_id: str) -> Offer:
        """Withdraw an offer. Repeatable. Raise `wrong_state` where it has ended otherwise."""
        path = f"/v1/rooms/{escaped(room)}/offers/{escaped(offer_id)}/withdraw"
        return await self._call(Offer, "POST", path)

    async def list_room_students(
        self, room: str, page: Page = FIRST_PAGE, *, q: str | None = None, tag: str | None = None
    ) -> RoomStudents:
        """Return a page of who is in the room now, in the order of their ids; 500 at most.

        `q`: the beginning of an id or of a word of a name. `tag`: one that their tokens have.
        """
        path = f"/v1/rooms/{escaped(room)}/students"
        return await self._call(RoomStudents, "GET", path, query=page_query(page, q=q, tag=tag))

    async def my_offers(self, *, course: str | None = None, room: str | None = None) -> MyOffers:
        """Return what is kept for the student, and where else they could get a coupon; for a course, where
        one is named. `room`: the one that the student is in, whose drops are not told.
        """
        named = {"course": course, "room": room}
        query = {name: value for name, value in named.items() if value is not None}
        return await self._call(MyOffers, "GET", "/v1/me/offers", query=query)

    async def accept_offer(self, offer_id: str) -> Offer:
        """Accept an offer, and get its coupon. Repeatable. Raise `wrong_state` where it is open no more."""
        return await self._call(Offer, "POST", f"/v1/me/offers/{escaped(offer_id)}/accept")

    async def decline_offer(self, offer_id: str) -> Offer:
        """Decline an offer. Repeatable."""
        return await self._call(Offer, "POST", f"/v1/me/offers/{escaped(offer_id)}/decline")

    async def see_offer(self, offer_id: str) -> Offer:
        """Say that the student's screen has shown the offer. Repeatable."""
        return await self._call(Offer, "POST", f"/v1/me/offers/{escaped(offer_id)}/seen")

    # Lotteries: operators make them, students spin.

    async def get_lottery(self, lottery_id: str) -> Lottery:
        """Return a lottery with its odds, and the student's chances."""
        return await self._call(Lottery, "GET", f"/v1/lotteries/{escaped(lottery_id)}")

    async def spin(self, lottery_id: str, request_id: str) -> Spin:
        """Spin, and return what was won. The same `request_id` gets the same spin, for ever.

        Raise `blocked`, `rate_limited`; after `unavailable` send the same request again.
        """
        path = f"/v1/lotteries/{escaped(lottery_id)}/spins"
        return await self._call(Spin, "POST", path, {"request_id": request_id})

    async def list_spins(
        self,
        lottery_id: str,
        page: Page = FIRST_PAGE,
        *,
        student: str | None = None,
        outcome: SpinOutcome | None = None,
    ) -> Spins:
        """Return a page of one's spins; an operator gets everybody's, or those of `student`."""
        path = f"/v1/lotteries/{escaped(lottery_id)}/spins"
        query = page_query(page, student=student, outcome=outcome)
        return await self._call(Spins, "GET", path, query=query)

    # Calls of the instructors of a room.

    async def create_drop(
        self, room: str, form: DropForm, *, idempotency_key: str | None = None
    ) -> DropReport:
        """Open a drop, or prepare it. Repeatable with the same `idempotency_key`."""
        return await self._call(
            DropReport, "POST", _drops(room), form, headers=once_header(idempotency_key)
        )

    async def list_drops(
        self, room: str, page: Page = FIRST_PAGE, *, ended: bool | None = None
    ) -> DropReports:
        """Return a page of the room's drops, newest first; with `ended` only those that are closed, or only
        those that are not."""
        which = None if ended is None else str(ended).lower()
        query = page_query(page, ended=which)
        return await self._call(DropReports, "GET", _drops(room), query=query)

    async def drop_qr(self, room: str, drop_id: str, size: int = 480) -> str:
        """Return a QR code that leads to the drop's room, as SVG."""
        path = f"{_drops(room, drop_id)}/qr.svg"
        return await self._call(str, "GET", path, query={"size": str(size)})

    async def get_drop(self, room: str, drop_id: str) -> DropReport:
        """Return a drop with its live counters."""
        return await self._call(DropReport, "GET", _drops(room, drop_id))

    async def edit_drop(self, room: str, drop_id: str, changes: DropEdit) -> DropReport:
        """Change a prepared drop."""
        return await self._call(DropReport, "PATCH", _drops(room, drop_id), changes)

    async def delete_drop(self, room: str, drop_id: str) -> DropReport:
        """Delete a prepared drop, and return it as it was."""
        return await self._call(DropReport, "DELETE", _drops(room, drop_id))

    async def reopen_drop(self, room: str, drop_id: str, form: ReopenForm) -> DropReport:
        """Open a closed drop again, with more units. Who has its coupon keeps it."""
        return await self._call(DropReport, "POST", _drops(room, drop_id, "/reopen"), form)

    async def open_drop(self, room: str, drop_id: str) -> DropReport:
        """Open a prepared drop. Repeatable."""
        return await self._call(DropReport, "POST", _drops(room, drop_id, "/open"))

    async def close_drop(self, room: str, drop_id: str, reason: str = "") -> DropReport:
        """Close a drop before its time. Repeatable."""
        path = _drops(room, drop_id, "/close")
        return await self._call(DropReport, "POST", path, {"reason": reason})

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

    async def put_running_order(
        self, room: str, entries: Sequence[OrderEntryForm], *, version: str | None = None
    ) -> RunningOrder:
        """Write which prepared drops open by themselves, and when. Refused with wrong_state where
        the order has another `version` now."""
        path = f"/v1/rooms/{escaped(room)}/running-order"
        body: dict[str, object] = {"entries": list(entries)}
        if version is not None:
            body["version"] = version
        return await self._call(RunningOrder, "PUT", path, body)

    async def get_running_order(self, room: str) -> RunningOrder:
        """Return the running order and the state of the class."""
        return await self._call(RunningOrder, "GET", f"/v1/rooms/{escaped(room)}/running-order")

    async def hold_running_order(self, room: str, reason: str = "") -> RunningOrder:
        """Let nothing open by itself until it is resumed. Repeatable."""
        path = f"/v1/rooms/{escaped(room)}/running-order/hold"
        return await self._call(RunningOrder, "POST", path, {"reason": reason})

    async def resume_running_order(self, room: str) -> RunningOrder:
        """Let the running order go on. Repeatable."""
        path = f"/v1/rooms/{escaped(room)}/running-order/resume"
        return await self._call(RunningOrder, "POST", path)

    async def make_screen(self, room: str) -> ScreenLink:
        """Make a link for the projector of a class. Its token reads the room and does nothing."""
        return await self._call(ScreenLink, "POST", f"/v1/rooms/{escaped(room)}/screen")

    async def start_class(self, room: str) -> RunningOrder:
        """Begin the class: its minutes count from now."""
        path = f"/v1/rooms/{escaped(room)}/running-order/start"
        return await self._call(RunningOrder, "POST", path)

    async def tell_position(self, room: str, video_seconds: int) -> RunningOrder:
        """Tell where the video is; call it every few seconds while it plays."""
        path = f"/v1/rooms/{escaped(room)}/running-order/position"
        return await self._call(RunningOrder, "POST", path, {"video_seconds": video_seconds})

    async def drop_claims(
        self, room: str, drop_id: str, *, student: str | None = None, page: Page = FIRST_PAGE
    ) -> DropClaims:
        """Return a page of the drop's claims, newest first; of one student where `student` is given."""
        query = page_query(page, student=student)
        return await self._call(DropClaims, "GET", _drops(room, drop_id, "/claims"), query=query)

    # Calls of students.

    async def snapshot(self, room: str) -> Snapshot:
        """Return what a `welcome` frame would contain now."""
        return await self._call(Snapshot, "GET", f"/v1/rooms/{escaped(room)}/snapshot")

    async def claim(
        self, drop_id: str, request_id: str, client_random: str | None = None
    ) -> ClaimReply:
        """Claim a unit of the drop, or enter its draw. The same `request_id` always gets the same win.
        `client_random`: for a draw, 16 random bytes as hexadecimal digits.

        Every outcome is a reply, not an error. `RoomClient.claim` calls this where the socket is silent.
        """
        path = f"/v1/drops/{escaped(drop_id)}/claims"
        body = {"request_id": request_id}
        if client_random is not None:
            body["client_random"] = client_random
        return await self._call(ClaimReply, "POST", path, body)

    async def draw(self, drop_id: str) -> Draw:
        """Return the proof of a draw; `draws.verify_draw` checks it."""
        return await self._call(Draw, "GET", f"/v1/drops/{escaped(drop_id)}/draw")

    async def my_draw_entry(self, drop_id: str) -> DrawEntry:
        """Return the student's own receipt of a draw, and what became of it."""
        return await self._call(DrawEntry, "GET", f"/v1/drops/{escaped(drop_id)}/entry")

    async def abort_draw(self, room: str, drop_id: str, reason: str) -> DropReport:
        """Give a draw up. Its seed and entries are shown all the same. Repeatable."""
        body = {"reason": reason}
        return await self._call(DropReport, "POST", _drops(room, drop_id, "/abort"), body)

    async def task(self, drop_id: str) -> OwnTask:
        """Return the task of a drop, and how far the student is."""
        return await self._call(OwnTask, "GET", f"/v1/drops/{escaped(drop_id)}/task")

    async def answer(self, drop_id: str, form: AnswerForm) -> TaskProgress:
        """Answer the question of a drop. There are two tries."""
        return await self._call(TaskProgress, "POST", f"/v1/drops/{escaped(drop_id)}/answer", form)

    async def sign_in(self, drop_id: str) -> TaskProgress:
        """Sign in, where that is the task of a drop. Repeatable."""
        return await self._call(TaskProgress, "POST", f"/v1/drops/{escaped(drop_id)}/sign-in")

    async def invite(self, drop_id: str) -> InviteLink:
        """Return the student's own link, where the task of the drop is to invite. The same each time."""
        return await self._call(InviteLink, "POST", f"/v1/drops/{escaped(drop_id)}/invite")

    async def arrive(self, code: str) -> Invitation:
        """Say by whose link one came. Repeatable."""
        return await self._call(Invitation, "POST", "/v1/invitations", {"code": code})

    async def receipt(
        self, drop_id: str, *, leaves: bool = False, seal: str | None = None
    ) -> Receipt:
        """Return the seal of a closed drop and, for a student, the path of the own claim.

        `wrong_state` until it is sealed, some seconds after the close. `seal` asks for an earlier one by
        its hash. `receipts.verify_receipt` checks it.
        """
        query = {"leaves": "true"} if leaves else {}
        if seal is not None:
            query["seal"] = seal
        return await self._call(
            Receipt, "GET", f"/v1/drops/{escaped(drop_id)}/receipt", query=query
        )

    async def my_coupons(self, *, state: str | None = None, page: Page = FIRST_PAGE) -> Wallet:
        """Return a page of the student's coupons, newest first; those in `state` where it is given."""
        return await self._call(
            Wallet, "GET", "/v1/me/coupons", query=page_query(page, state=state)
        )

    async def coupon_qr(self, coupon_id: str, size: int = 480) -> str:
        """Return the code of one of the student's coupons as a QR code, as SVG."""
        path = f"/v1/me/coupons/{escaped(coupon_id)}/qr.svg"
        return await self._call(str, "GET", path, query={"size": str(size)})

    async def my_messages(self, page: Page = FIRST_PAGE) -> MyMessages:
        """Return a page of the messages that the app has shown to the student, newest first."""
        return await self._call(MyMessages, "GET", "/v1/me/messages", query=page_query(page))

    async def my_balance(self, page: Page = FIRST_PAGE) -> Account:
        """Return the student's balance from rebates, with a page of its entries."""
        return await self._call(Account, "GET", "/v1/me/balance", query=page_query(page))

    async def bind_coupon(self, code: str) -> WalletCoupon:
        """Put the coupon of a code, as it was typed, into the student's wallet. Repeatable.

        Raise `not_found` for every code that this student cannot have, whatever the reason.
        """
        return await self._call(WalletCoupon, "POST", "/v1/me/coupons", {"code": code})

    # Calls of students and of the school's back end: the price of an order, and its payment.

    async def prompts(self, form: QuoteForm) -> Prompts:
        """Say what coupons that the student could get now would save on an order."""
        return await self._call(Prompts, "POST", "/v1/prompts", form)

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
        return await self._call(Redemption, "GET", f"/v1/redemptions/{escaped(redemption_id)}")

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
        path = f"/v1/redemptions/{escaped(redemption_id)}/confirm"
        return await self._call(Redemption, "POST", path, payment or {})

    async def cancel_redemption(self, redemption_id: str) -> Redemption:
        """Free the coupons of an order that is not paid. Repeatable. Raise `wrong_state` where it is paid."""
        path = f"/v1/redemptions/{escaped(redemption_id)}/cancel"
        return await self._call(Redemption, "POST", path)

    async def refund(self, order_id: str, form: RefundForm) -> Refund:
        """Refund lines of a paid order. Repeatable by `refund_id`.

        Without `lines` all that is left of the order is refunded; an empty list is refused. With `preview`
        the reply says what the refund would come to, and nothing changes. Raise `refund_too_large`.
        """
        return await self._call(Refund, "POST", f"/v1/orders/{escaped(order_id)}/refunds", form)

    # Calls that need no token.

    async def live(self) -> object:
        """Return where the process runs. It says nothing of Redis and SQL."""
        return await self._call(object, "GET", "/livez")

    async def ready(self) -> object:
        """Return where the process can serve. Raise `unavailable` where it cannot."""
        return await self._call(object, "GET", "/readyz")


def _drops(room: str, drop_id: str | None = None, call: str = "") -> str:
    path = f"/v1/rooms/{escaped(room)}/drops"
    return path if drop_id is None else f"{path}/{escaped(drop_id)}{call}"


def page_query(page: Page, **more: str | None) -> dict[str, str]:
    """Return the query of a page of a list, and `more` where it is given."""
    given = {"limit": page.limit, "after": page.after, **more}
    return {name: str(value) for name, value in given.items() if value is not None}
