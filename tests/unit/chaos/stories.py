"""A small lesson as a history and a final state in which every promise held, and ways to change one thing.

One drop of three units in one room: ada and bob won, cleo came too late, ada's coupon was spent.
"""

from dataclasses import dataclass, replace
from typing import Any

from server.core.drops.claims import ClaimState
from server.core.ids import BatchId, ClaimId, DropId, Slot, StudentId, Unit
from server.desk.claims.claim_record import HeldClaim
from server.ledger.drops.claims import ClaimRow
from tests.chaos.checks.checker import Violation, check
from tests.chaos.final_state import (
    BatchEnd,
    CouponEnd,
    FinalDrop,
    FinalRedemption,
    FinalState,
    Screen,
    StudentView,
)
from tests.chaos.history import (
    Answered,
    ApiReply,
    ApiRequest,
    Confirmed,
    Event,
    FrameReceived,
    History,
    Tapped,
    Welcomed,
)
from tests.races.books import DeskBooks, LedgerBooks

DROP, BATCH, ROOM, KEY = "drp_1", "bat_1", "r1", "key-1"
WINNERS = ("ada", "bob")
_EPOCH = "e"


def a_row(student: str, unit: int, **changes: Any) -> ClaimRow:
    row = ClaimRow(
        id=ClaimId(f"clm_{student}"),
        drop_id=DropId(DROP),
        batch_id=BatchId(BATCH),
        student=StudentId(student),
        request_id=f"r-{student}",
        unit=Unit(unit),
        allotment_id="alt_1",
        allotment_first=1,
        allotment_last=3,
        slot=Slot(1),
        per_student=1,
        won_at=20,
        confirmed_at=30,
    )
    return row._replace(**changes)


def a_coupon(student: str, **changes: Any) -> CouponEnd:
    coupon = CouponEnd(
        f"cpn_{student}", f"code-{student}", DROP, f"clm_{student}", student, "usable", None
    )
    return replace(coupon, **changes)


def a_holder(student: str, unit: int, state: ClaimState = ClaimState.CONFIRMED) -> HeldClaim:
    code = f'{{"code":"code-{student}"}}'.encode()
    return HeldClaim(
        state, ClaimId(f"clm_{student}"), Unit(unit), Slot(1), f"r-{student}", 20, code
    )


def a_desk(**changes: Any) -> DeskBooks:
    holders = {"ada": a_holder("ada", 1), "bob": a_holder("bob", 2)}
    return replace(DeskBooks(3, 3, 2, frozenset(), holders), **changes)


def a_ledger(**changes: Any) -> LedgerBooks:
    books = LedgerBooks(
        state="open",
        quantity=3,
        returned=0,
        allotted=3,
        live_claims=2,
        held=1,
        redeemed=1,
        batch_quantity=10,
        batch_allotted=3,
        batch_in_drops=3,
    )
    return replace(books, **changes)


def a_drop(**changes: Any) -> FinalDrop:
    listed = tuple((student, "confirmed") for student in WINNERS)
    return replace(FinalDrop(DROP, ROOM, BATCH, KEY, a_desk(), a_ledger(), listed, 0), **changes)


def an_order(**changes: Any) -> FinalRedemption:
    order = FinalRedemption(
        "rdm_1", "order-1", "ada", "redeemed", 5_000, 1_000, 4_000, {"cpn_ada": 1_000}, (1_000,)
    )
    return replace(order, **changes)


def a_screen(student: str, **changes: Any) -> Screen:
    claims = {DROP: "confirmed"} if student in WINNERS else {}
    picture = StudentView({DROP: "open 1 left"}, claims)
    return replace(Screen(student, ROOM, picture, (picture, picture)), **changes)


def answered(student: str, outcome: str = "won", **changes: Any) -> Answered:
    told = Answered(20, 10, student, DROP, f"r-{student}", outcome, "socket")
    return replace(told, **changes)


def welcomed(student: str, connection: int, at: int = 1, **claims: str) -> Welcomed:
    drops = (DROP,) if at > 5 else ()
    return Welcomed(at, at - 1, connection, student, ROOM, _EPOCH, len(drops), drops, claims)


def shown(student: str, connection: int, word: str, offset: int) -> FrameReceived:
    return FrameReceived(5 + offset, connection, student, DROP, word, _EPOCH, offset)


def told_ok(number: int, **said: str) -> ApiReply:
    return ApiReply(50, number, "ok", "", said)


@dataclass
class Story:
    events: list[Event]
    final_state: FinalState

    def check(self) -> list[Violation]:
        return check(History(events=self.events), self.final_state)

    def promises(self) -> set[str]:
        """Those that are broken."""
        return {one.promise for one in self.check()}

    def texts(self) -> list[str]:
        return [one.text for one in self.check()]

    def ends(self, **changes: Any) -> "Story":
        return Story(self.events, replace(self.final_state, **changes))

    def drop_ends(self, **changes: Any) -> "Story":
        return self.ends(drops=(a_drop(**changes),))

    def with_(self, *events: Event) -> "Story":
        return Story([*self.events, *events], self.final_state)


def a_lesson() -> Story:
    students = (*WINNERS, "cleo")
    events: list[Event] = [welcomed(name, number) for number, name in enumerate(students)]
    events += [ApiRequest(2, 100, "teacher", "open", KEY), told_ok(100, id=DROP, state="open")]
    events += [shown(name, number, "drop_opened", 1) for number, name in enumerate(students)]
    events += [Tapped(10, name, DROP, f"r-{name}") for name in students]
    events += [answered("ada"), answered("bob"), answered("cleo", "sold_out")]
    events += [Confirmed(30, name, DROP, f"code-{name}") for name in WINNERS]
    events += [
        ApiRequest(40, 101, "shop", "lock", "order-1"),
        told_ok(101, id="rdm_1", state="locked"),
    ]
    events += [
        ApiRequest(45, 102, "shop", "pay", "order-1"),
        told_ok(102, id="rdm_1", state="redeemed"),
    ]
    return Story(
        events,
        FinalState(
            batches=(BatchEnd(BATCH, 10, 3, 1),),
            drops=(a_drop(),),
            claims=(a_row("ada", 1), a_row("bob", 2)),
            coupons=(
                a_coupon("ada", state="redeemed", redemption_id="rdm_1"),
                a_coupon("bob"),
            ),
            redemptions=(an_order(),),
            screens=tuple(a_screen(name) for name in students),
        ),
    )
