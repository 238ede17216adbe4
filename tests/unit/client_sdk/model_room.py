"""A model of a room that is small enough to check by reading, and the sessions of two students in it.

`test_reconnect` uses it. It knows the frames of the protocol; time is an argument, nothing is random.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from client_sdk.python.frames import instant_text
from client_sdk.python.session import Session
from client_sdk.python.shapes import Connect, Effect, Send

SHOWN_AFTER_CLOSE_MS = 300_000
STUDENT = "stu_1"
ANSWER_TO_HOLDERS = {
    "won": "already_won",
    "confirmed": "already_won",
    "released": "released",
    "revoked": "released",  # the unit is gone from the room
}


@dataclass
class ModelDrop:
    id: str
    opens_at: int
    closes_at: int
    quantity: int
    taken: int = 0
    closed_at: int | None = None
    reason: str | None = None

    def is_open(self, now: int) -> bool:
        return self.closed_at is None and self.opens_at <= now < self.closes_at

    def shown(self, now: int) -> dict[str, object]:
        remaining = self.quantity - self.taken
        fields: dict[str, object] = {
            "id": self.id,
            "state": self._state(now, remaining),
            "quantity": self.quantity,
            "remaining": remaining,
            "opens_at": instant_text(self.opens_at),
            "closes_at": instant_text(self.closes_at),
        }
        if self.closed_at is not None:
            fields |= {"closed_at": instant_text(self.closed_at), "close_reason": self.reason}
        return fields

    def _state(self, now: int, remaining: int) -> str:
        if self.closed_at is not None or now >= self.closes_at:
            return "closed"
        if now < self.opens_at:
            return "scheduled"
        return "open" if remaining else "sold_out"


@dataclass
class ModelClaim:
    state: str
    won_at: int
    coupon: dict[str, str]

    def shown(self, drop_id: str) -> dict[str, object]:
        coupon = {"coupon": self.coupon} if self.state == "confirmed" else {}
        won_at = instant_text(self.won_at)
        return {"drop_id": drop_id, "state": self.state, "won_at": won_at, **coupon}


@dataclass
class Seat:
    """One connection of the student. `answer` is asked for each claim it sends."""

    answer: Callable[[str, str], str | None]
    session: Session = field(default_factory=lambda: Session("algebra", lambda: 0))
    is_connected: bool = False

    def join(self, welcome: str, now: int) -> None:
        self.session.start(now)
        wanted = [*self.session.token("t", now), *self.session.online(now)]
        assert any(isinstance(effect, Connect) for effect in wanted)
        self.session.opened(now)
        self.is_connected = True
        self.hear(welcome, now)

    def hear(self, text: str, now: int) -> None:
        if self.is_connected:
            self._do(self.session.frame(text, now), now)

    def tap(self, drop_id: str, request_id: str, now: int) -> None:
        self._do(self.session.claim(drop_id, request_id, now), now)

    def cut(self, now: int) -> None:
        if self.is_connected:
            self.is_connected = False
            self.session.closed(1006, now)

    def _do(self, effects: list[Effect], now: int) -> None:
        for effect in effects:
            frame = json.loads(effect.text) if isinstance(effect, Send) else {}
            if frame.get("type") == "claim":
                answer = self.answer(frame["drop_id"], frame["request_id"])
                if answer is not None:
                    self.hear(answer, now)


class ModelRoom:
    def __init__(self, now: int) -> None:
        self.now = now
        self.offset = 0
        self.drops: dict[str, ModelDrop] = {}
        self.claims: dict[str, ModelClaim] = {}
        self.loses_answers = False
        self.steady = Seat(self.claim)
        self.flaky = Seat(self.claim)
        self.steady.join(self.welcome(), now)
        self.flaky.join(self.welcome(), now)

    def welcome(self) -> str:
        kept = self.shown_drops()
        return json.dumps(
            {
                "type": "welcome",
                "room": "algebra",
                "now": instant_text(self.now),
                "epoch": "e1",
                "offset": self.offset,
                "present": 2,
                "drops": [drop.shown(self.now) for drop in kept],
                "student": STUDENT,
                "claims": [
                    self.claims[drop.id].shown(drop.id) for drop in kept if drop.id in self.claims
                ],
            }
        )

    def shown_drops(self) -> list[ModelDrop]:
        return [drop for drop in self.drops.values() if not self._is_gone(drop)]

    def _is_gone(self, drop: ModelDrop) -> bool:
        ended_at = drop.closes_at if drop.closed_at is None else drop.closed_at
        return self.now >= ended_at + SHOWN_AFTER_CLOSE_MS

    def tell(self, **frame: object) -> None:
        text = json.dumps(frame)
        self.steady.hear(text, self.now)
        self.flaky.hear(text, self.now)

    def publish(self, **frame: object) -> None:
        self.offset += 1
        self.tell(**frame, epoch="e1", offset=self.offset)

    def progress(self, drop: ModelDrop) -> None:
        shown = drop.shown(self.now)
        self.tell(
            type="drop_progress",
            drop_id=drop.id,
            remaining=shown["remaining"],
            state=shown["state"],
        )

    def claim(self, drop_id: str, request_id: str) -> str | None:
        """Return the reply to the student; None where it is lost on the way."""
        drop = self.drops[drop_id]
        if drop_id in self.claims:
            outcome = ANSWER_TO_HOLDERS[self.claims[drop_id].state]
        elif not drop.is_open(self.now):
            outcome = "closed"
        elif drop.taken == drop.quantity:
            outcome = "sold_out"
        else:
            outcome = "won"
            drop.taken += 1
            coupon = {"id": f"cpn_{drop_id}"}
            self.claims[drop_id] = ModelClaim("won", self.now, coupon)
            self.progress(drop)
        if self.loses_answers:
            return None
        told = {"request_id": request_id, "drop_id": drop_id, "outcome": outcome}
        return json.dumps({"type": "claim_result", **told})

    def confirm(self, drop_id: str) -> None:
        claim = self.claims[drop_id]
        if claim.state == "won":
            claim.state = "confirmed"
            self.tell(type="claim_confirmed", drop_id=drop_id, coupon=claim.coupon)
