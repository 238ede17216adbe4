"""The state of a room for one person: drops by the server's time, the person's claims, presence.

`session` applies frames to it, and passes on the events that it returns. Pure: no IO, no timer; `now` is
local ms. Must not know how frames come and go. Twin of `javascript/room.js`.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, Literal, cast

from client_sdk.python.coupons import Coupons, change_of, differ, expires_at
from client_sdk.python.frames import (
    ClaimEnded,
    ClaimResult,
    CouponChanged,
    DrawDone,
    DrawSealed,
    DropClosed,
    DropProgress,
    DropPublished,
    DropSealed,
    MessageFrame,
    Presence,
    TaskProgressFrame,
    Welcome,
    instant_ms,
)
from client_sdk.python.shapes import (
    Claim,
    ClaimEvent,
    ClaimState,
    Coupon,
    CouponChange,
    CouponEvent,
    Drop,
    DropEvent,
    DropEventType,
    DropState,
    MessageEvent,
    MyClaim,
    PresenceEvent,
    RoomEvent,
    RoomMessage,
    TaskEvent,
    TaskProgress,
    WalletCoupon,
    WelcomeEvent,
)

# A closed drop stays visible this long, here as in the server's `welcome` (PROTOCOL.md).
KEPT_AFTER_CLOSE_MS: Final = 5 * 60_000
_END_FIELDS: Final = frozenset({"closed_at", "close_reason", "seal"})
# Ids of messages that are remembered, so that a repetition is not shown again.
_MESSAGES_REMEMBERED: Final = 100

# The state of a claim after an outcome. An outcome that is not listed leads to ANSWERED.
_STATE_AFTER: Final = {
    "won": ClaimState.WON,
    "already_won": ClaimState.WON,
    "entered": ClaimState.ENTERED,
    "released": ClaimState.RELEASED,
    "limit_reached": ClaimState.REFUSED,
    "sold_out": ClaimState.REFUSED,
    "not_open": ClaimState.REFUSED,
    "closed": ClaimState.REFUSED,
    "not_eligible": ClaimState.REFUSED,
    "blocked": ClaimState.REFUSED,
    "task_open": ClaimState.REFUSED,
}

# A reply changes a claim only to a higher rank: a refusal may become a win, never the reverse
# (promise I4). Replies may arrive late, twice and over two ways.
_RANK: Final = {
    ClaimState.PENDING: 0,
    ClaimState.ANSWERED: 1,
    ClaimState.ENTERED: 1,
    ClaimState.REFUSED: 1,
    ClaimState.WON: 2,
    ClaimState.CONFIRMED: 3,
    ClaimState.RELEASED: 4,
    ClaimState.REVOKED: 4,
}

# A tap on a drop whose claim is in one of these states changes nothing.
_TAP_IGNORED: Final = frozenset(
    {ClaimState.PENDING, ClaimState.WON, ClaimState.CONFIRMED, ClaimState.ENTERED}
)
_OWNED: Final = ("won", "confirmed")


def state_at(drop: Drop, server_now: int) -> DropState:
    """Return the state of a drop at a time of the server, in ms.

    Only scheduled, open and sold_out change with time; every other state stays as the server sent it.
    """
    if drop["state"] not in ("scheduled", "open", "sold_out"):
        return drop["state"]
    is_draw = drop.get("mode") == "draw"
    ends_at = drop["closes_at"]
    if ends_at is not None and server_now >= instant_ms(ends_at):
        return "drawing" if is_draw else "closed"
    # A drop that the server sent as open is open even if `opens_at` is ahead: our estimate of the server's
    # clock is late by the time that `welcome` took to arrive.
    if drop["state"] == "scheduled" and server_now < instant_ms(drop["opens_at"]):
        return "scheduled"
    return "open" if drop["remaining"] > 0 or is_draw else "sold_out"


class Room:
    """The room's drops, the person's claims and the server's clock.

    Every method that changes something returns the events that tell of it.
    """

    def __init__(self, room: str) -> None:
        self.room = room
        self.student: str | None = None
        self.present = 0
        self.clock_offset_ms = 0
        self.epoch: str | None = None
        self.offset = 0
        self.drops: dict[str, Drop] = {}  # by drop id, with the state of now
        self.claims: dict[str, Claim] = {}  # by drop id
        self.tasks: dict[str, TaskProgress] = {}  # by drop id
        self._received: dict[str, Drop] = {}  # the same, as the server sent them
        self._coupons = Coupons()
        self._messages: dict[str, None] = {}  # an ordered set of ids
        self._due_at = -math.inf  # local ms before which time changes nothing; -infinite: unknown

    def set_clock(self, server_now: str, now: int) -> None:
        """Set the difference between the server's clock and ours from a time that has just arrived."""
        self.clock_offset_ms = instant_ms(server_now) - now
        self._due_at = -math.inf

    def welcome(self, frame: Welcome, now: int) -> list[RoomEvent]:
        """Replace everything except claims that still wait for their reply.

        The events are a WelcomeEvent, a ClaimEvent for each claim that was known and has changed, and a
        CouponEvent for each coupon that has moved.
        """
        self.set_clock(frame["now"], now)
        self.student = frame["student"]
        self.present = frame["present"]
        self.epoch = frame["epoch"]
        self.offset = frame["offset"]
        self._received = {}
        self.drops = {}
        self.tasks = {task["drop_id"]: task for task in frame.get("tasks", [])}
        for drop in frame["drops"]:
            self._store_drop(drop, now)
        return [WelcomeEvent(), *self._replace_claims(frame["claims"], now)]

    def _replace_claims(self, sent: Iterable[MyClaim], now: int) -> list[RoomEvent]:
        before = self.claims
        self.claims = {
            drop_id: claim for drop_id, claim in before.items() if claim.state is ClaimState.PENDING
        }
        for mine in sent:
            # A claim that was lost is older than the one that waits, and does not replace it.
            if mine["state"] in _OWNED or mine["drop_id"] not in self.claims:
                self.claims[mine["drop_id"]] = self._claim_of(mine, now)
        events: list[RoomEvent] = []
        for drop_id, claim in self.claims.items():
            if drop_id in before and _has_changed(before[drop_id], claim):
                events.append(ClaimEvent(claim))
            events += self._coupon_event(claim)
        return events

    def _claim_of(self, sent: MyClaim, now: int) -> Claim:
        coupon = self._with_latest_state(sent["coupon"], now) if "coupon" in sent else None
        return Claim(
            sent["drop_id"],
            ClaimState(sent["state"]) if sent["state"] in _STATES else ClaimState.ANSWERED,
            outcome="won" if sent["state"] in _OWNED else None,
            won_at=sent.get("won_at"),
            receipt=sent.get("receipt"),
            coupon_id=coupon["id"] if coupon else None,
            coupon=coupon,
        )

    def _with_latest_state(self, coupon: Coupon, now: int) -> Coupon:
        self._due_at = -math.inf
        return self._coupons.with_latest_state(coupon, now + self.clock_offset_ms)

    def is_repeated(
        self, frame: DropPublished | DropClosed | DropSealed | DrawSealed | DrawDone
    ) -> bool:
        """Return whether the frame was applied already; if not, it counts as applied now.

        Offsets grow within an epoch; in another epoch they start anew.
        """
        if frame["epoch"] == self.epoch and frame["offset"] <= self.offset:
            return True
        self.epoch = frame["epoch"]
        self.offset = frame["offset"]
        return False

    def put_drop(self, drop: Drop, now: int) -> list[RoomEvent]:
        """Apply a drop of a drop_opened or drop_changed frame."""
        known = self._received.get(drop["id"])
        # These frames have no counters: keep those that an instructor's drop_progress brought. Keep nothing
        # of an end, because the drop may be open again.
        kept = {k: v for k, v in (known or {}).items() if k not in _END_FIELDS}
        self._store_drop(cast(Drop, {**kept, **drop}), now)
        return self._drop_event("drop_changed" if known else "drop_opened", drop["id"])

    def progress(self, frame: DropProgress, now: int) -> list[RoomEvent]:
        """Apply a drop_progress frame. It may arrive after the drop is closed, and is then ignored."""
        self.present = frame.get("present", self.present)
        known = self._received.get(frame["drop_id"])
        if known is None or known["state"] in ("closed", "aborted"):
            return []
        counts = {k: v for k, v in frame.items() if k not in ("type", "drop_id")}
        self._store_drop(cast(Drop, {**known, **counts}), now)
        return self._drop_event("drop_progress", frame["drop_id"])

    def close_drop(self, frame: DropClosed, now: int) -> list[RoomEvent]:
        """Apply a drop_closed frame."""
        known = self._received.get(frame["drop_id"])
        if known is None:
            return []
        closed = {"closed_at": frame["closed_at"], "close_reason": frame["reason"]}
        state = "aborted" if frame["reason"] == "aborted" else "closed"
        self._store_drop(cast(Drop, {**known, "state": state, **closed}), now)
        return self._drop_event("drop_closed", frame["drop_id"])

    def seal_drop(self, frame: DropSealed, now: int) -> list[RoomEvent]:
        """Apply a drop_sealed frame: no claim of this closed drop can change any more."""
        known = self._received.get(frame["drop_id"])
        if known is None:
            return []
        self._store_drop(cast(Drop, {**known, "seal": frame["seal"]}), now)
        return self._drop_event("drop_changed", frame["drop_id"])

    def seal_draw(self, frame: DrawSealed, now: int) -> list[RoomEvent]:
        """Apply a draw_sealed frame: nobody can enter any more."""
        return self._change_draw(
            frame["drop_id"], now, entries=frame["entries"], root=frame["root"]
        )

    def finish_draw(self, frame: DrawDone, now: int) -> list[RoomEvent]:
        """Apply a draw_done frame."""
        result = {"seed": frame["seed"], "winners": frame["winners"]}
        return self._change_draw(frame["drop_id"], now, **result)

    def _change_draw(self, drop_id: str, now: int, **known: object) -> list[RoomEvent]:
        drop = self._received.get(drop_id)
        if drop is None:
            return []
        draw = {**drop.get("draw", {}), **known}
        self._store_drop(cast(Drop, {**drop, "state": "drawing", "draw": draw}), now)
        return self._drop_event("drop_changed", drop_id)

    def mode_of(self, drop_id: str) -> str | None:
        """Return the mode of a drop that the room shows."""
        drop = self._received.get(drop_id)
        return drop.get("mode") if drop is not None else None

    def set_presence(self, frame: Presence) -> list[RoomEvent]:
        """Apply a presence frame."""
        self.present = frame["present"]
        return [PresenceEvent(self.present)]

    def tap(self, drop_id: str, request_id: str) -> list[RoomEvent]:
        """Make the claim of this drop pending; return no event where the tap has nothing to ask for."""
        known = self.claims.get(drop_id)
        if known is not None and known.state in _TAP_IGNORED:
            return []
        return self._set_claim(Claim(drop_id, ClaimState.PENDING, request_id=request_id))

    def answer(self, frame: ClaimResult) -> list[RoomEvent]:
        """Apply a final claim_result, from the socket or from HTTP.

        A reply that is late, repeated or of a lower rank than the claim's state changes nothing.
        """
        known = self.claims.get(frame["drop_id"])
        state = _STATE_AFTER.get(frame["outcome"], ClaimState.ANSWERED)
        if known is None and state is not ClaimState.WON:
            return []
        if known is not None and _is_settled(known, frame["request_id"], state):
            return []
        return self._set_claim(
            Claim(
                frame["drop_id"],
                state,
                request_id=frame["request_id"],
                outcome=frame["outcome"],
                limit=frame.get("limit"),
                why=frame.get("why"),
                coupon_id=frame.get("coupon_id"),
                receipt=frame.get("receipt"),
            )
        )

    def unanswered(self) -> set[str]:
        """Return the ids of the drops whose claim waits for its reply."""
        return {k for k, claim in self.claims.items() if claim.state is ClaimState.PENDING}

    def refuse(self, drop_id: str, code: str) -> list[RoomEvent]:
        """Refuse a pending claim with an error code of HTTP that a repetition would not change."""
        return self._set_claim(
            replace(self.claims[drop_id], state=ClaimState.REFUSED, outcome=code)
        )

    def confirm(self, drop_id: str, sent: Coupon, now: int) -> list[RoomEvent]:
        """Confirm a claim with its coupon.

        This may come before the claim_result, and on a connection that did not claim: every device of the
        student receives it.
        """
        known = self.claims.get(drop_id) or Claim(drop_id, ClaimState.PENDING)
        coupon = self._with_latest_state(sent, now)
        # The frame is a repetition, or a later state of this coupon is known.
        is_past = _RANK[known.state] >= _RANK[ClaimState.CONFIRMED]
        is_moved = known.coupon is not None and differ(known.coupon, coupon)
        if is_past and known.coupon_id == coupon["id"] and not is_moved:
            return []
        claim = Claim(
            drop_id,
            ClaimState.CONFIRMED,
            request_id=known.request_id,
            outcome=known.outcome or "won",
            won_at=known.won_at,
            coupon_id=coupon["id"],
            coupon=coupon,
            receipt=known.receipt,
        )
        return [*self._set_claim(claim), *self._coupon_event(claim)]

    def take_back(
        self, state: Literal[ClaimState.REVOKED, ClaimState.RELEASED], frame: ClaimEnded
    ) -> list[RoomEvent]:
        """Apply a claim_revoked or coupon_released frame.

        A pending claim stays pending, because it is a new one and its own reply follows.
        """
        known = self.claims.get(frame["drop_id"]) or Claim(frame["drop_id"], ClaimState.WON)
        coupon_id = frame.get("coupon_id")
        if known.state in (ClaimState.PENDING, state):
            return []
        if known.coupon_id and coupon_id and known.coupon_id != coupon_id:
            return []
        return self._set_claim(
            replace(
                known,
                state=state,
                coupon_id=coupon_id or known.coupon_id,
                coupon=None,
                reason=frame.get("reason"),
            )
        )

    def change_coupon(self, frame: CouponChanged, now: int) -> list[RoomEvent]:
        """Apply a coupon_changed frame; it changes nothing where a later state is known.

        The events are a ClaimEvent where a claim gave the coupon, and a CouponEvent, unless a wallet or a
        welcome has told of it.
        """
        is_new = self._coupons.take(frame)
        events = [*self._show_change(frame["coupon_id"], now)] if is_new else []
        if self._coupons.tell(frame, is_move=True):
            change = {name: value for name, value in frame.items() if name != "type"}
            events.append(CouponEvent(cast(CouponChange, change)))
        return events

    def task_progress(self, frame: TaskProgressFrame | TaskProgress) -> list[RoomEvent]:
        """Apply a task_progress frame, or the reply to a call of a task.

        Once the task is done, a claim that was refused for it is forgotten: the student may tap again.
        """
        fields = {name: value for name, value in frame.items() if name != "type"}
        progress = cast(TaskProgress, fields)
        drop_id = progress["drop_id"]
        if self.tasks.get(drop_id) == progress:
            return []
        self.tasks[drop_id] = progress
        claim = self.claims.get(drop_id)
        if progress["passed"] and claim is not None and claim.outcome == "task_open":
            del self.claims[drop_id]
        return [TaskEvent(progress)]

    def take_message(self, frame: MessageFrame) -> list[RoomEvent]:
        """Apply a message frame; a repetition changes nothing."""
        if frame["id"] in self._messages:
            return []
        self._messages[frame["id"]] = None
        if len(self._messages) > _MESSAGES_REMEMBERED:
            del self._messages[next(iter(self._messages))]
        message = {name: value for name, value in frame.items() if name != "type"}
        return [MessageEvent(cast(RoomMessage, message))]

    def learn(self, coupons: Iterable[WalletCoupon], now: int) -> list[RoomEvent]:
        """Apply the states of a wallet to the coupons that claims gave.

        The events tell of coupons that have moved since something was known of them.
        """
        events: list[RoomEvent] = []
        for coupon in coupons:
            change = change_of(coupon, coupon.get("drop_id"))
            change.setdefault("version", 0)
            if self._coupons.take(change):
                events += self._show_change(coupon["id"], now)
                if self._coupons.tell(change, is_move=False):
                    events.append(CouponEvent(change))
        return events

    def _coupon_event(self, claim: Claim) -> list[RoomEvent]:
        """Return the event of a coupon that the claim shows in a later state."""
        if claim.coupon is None:
            return []
        change = change_of(claim.coupon, claim.drop_id)
        return [CouponEvent(change)] if self._coupons.tell(change, is_move=False) else []

    def _show_change(self, coupon_id: str, now: int) -> list[RoomEvent]:
        for claim in self.claims.values():
            if claim.coupon is not None and claim.coupon["id"] == coupon_id:
                return self._set_claim(
                    replace(claim, coupon=self._with_latest_state(claim.coupon, now))
                )
        return []

    def forget_tap(self, drop_id: str) -> None:
        """Remove the pending claim of this drop: its caller no longer waits."""
        del self.claims[drop_id]

    def refresh(self, now: int) -> list[RoomEvent]:
        """Apply the time that has passed: open, close and remove drops, and expire coupons."""
        events: list[RoomEvent] = []
        if now < self._due_at:
            return events
        for drop_id, drop in list(self._received.items()):
            if now >= self._removed_at(drop):
                events += self._drop_event("drop_removed", drop_id)
                self._remove_drop(drop_id)
            elif self._current_state(drop, now) != self.drops[drop_id]["state"]:
                self._store_drop(drop, now)
                events += self._drop_event("drop_changed", drop_id)
        for claim in list(self.claims.values()):
            ends_at = expires_at(claim.coupon)
            if claim.coupon is not None and ends_at is not None and now >= self._at(ends_at):
                events += self._set_claim(
                    replace(claim, coupon=self._with_latest_state(claim.coupon, now))
                )
        return events

    def _remove_drop(self, drop_id: str) -> None:
        del self._received[drop_id], self.drops[drop_id]
        self.tasks.pop(drop_id, None)
        self._due_at = -math.inf
        claim = self.claims.get(drop_id)
        if claim is not None and claim.state is not ClaimState.PENDING:
            del self.claims[drop_id]

    def next_change(self, now: int) -> float:
        """Return the local ms at which `refresh` has something to do next; infinite if never."""
        if self._due_at <= now:
            moments = [moment for drop in self._received.values() for moment in self._moments(drop)]
            ends = (expires_at(claim.coupon) for claim in self.claims.values())
            moments += [self._at(ends_at) for ends_at in ends if ends_at is not None]
            self._due_at = min((moment for moment in moments if moment > now), default=math.inf)
        return self._due_at

    def _moments(self, drop: Drop) -> Sequence[float]:
        ends_at = drop["closes_at"]
        return (
            self._local(drop["opens_at"]),
            math.inf if ends_at is None else self._local(ends_at),
            self._removed_at(drop),
        )

    def _removed_at(self, drop: Drop) -> float:
        ended_at = drop.get("closed_at") or drop["closes_at"]
        return math.inf if ended_at is None else self._local(ended_at) + KEPT_AFTER_CLOSE_MS

    def _local(self, instant: str) -> int:
        return self._at(instant_ms(instant))

    def _at(self, server_ms: int) -> int:
        return server_ms - self.clock_offset_ms

    def _store_drop(self, drop: Drop, now: int) -> None:
        known = self._received.get(drop["id"])
        if known is None or _times_of(known) != _times_of(drop):
            self._due_at = -math.inf
        self._received[drop["id"]] = drop
        self.drops[drop["id"]] = {**drop, "state": self._current_state(drop, now)}

    def _current_state(self, drop: Drop, now: int) -> DropState:
        return state_at(drop, now + self.clock_offset_ms)

    def _drop_event(self, event: DropEventType, drop_id: str) -> list[RoomEvent]:
        return [DropEvent(event, self.drops[drop_id])]

    def _set_claim(self, claim: Claim) -> list[RoomEvent]:
        self.claims[claim.drop_id] = claim
        return [ClaimEvent(claim)]


def _times_of(drop: Drop) -> tuple[str | None, ...]:
    return drop["opens_at"], drop["closes_at"], drop.get("closed_at")


def _is_settled(known: Claim, request_id: str, state: ClaimState) -> bool:
    is_anothers = known.request_id is not None and known.request_id != request_id
    return is_anothers or _RANK[state] <= _RANK[known.state]


def _has_changed(before: Claim, now: Claim) -> bool:
    return before.state is not now.state or differ(before.coupon, now.coupon)


_STATES: Final = frozenset(ClaimState)
