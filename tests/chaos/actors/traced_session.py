"""The SDK's session, which also writes into the history what goes in and what it then does.

Used by `clients.py`. It changes no decision of the session.
"""

import json
from collections.abc import Callable
from typing import Any

from client_sdk.python import Session
from client_sdk.python.frames import decode
from client_sdk.python.shapes import ClaimOverHttp, ClaimReply, Effect, Emit, Send, StatusEvent
from tests.chaos.history import (
    BY_HTTP,
    FAILED,
    NOT_ANSWERS,
    PUT_OFF,
    SENT,
    Answered,
    ClaimTakenBack,
    Confirmed,
    DeviceStarted,
    FrameReceived,
    History,
    Step,
    Tapped,
    Welcomed,
    now_ms,
)

_ON_THE_FEED = ("drop_opened", "drop_changed", "drop_closed")


class TracedSession(Session):
    def __init__(
        self, room: str, random: Callable[[], float], student: str, web: str, history: History
    ) -> None:
        super().__init__(room, random)
        self._student = student
        self._history = history
        self._device = history.number()
        history.note(DeviceStarted(now_ms(), self._device, student, web))
        self._connection = 0
        self._since = 0
        self._tapped_at: dict[str, int] = {}

    def opened(self, now: int) -> list[Effect]:
        self._connection, self._since = self._history.number(), now_ms()
        return super().opened(now)

    def frame(self, text: str, now: int) -> list[Effect]:
        frame: Any = decode(text)
        if frame is not None:
            self._note_frame(frame)
        return super().frame(text, now)

    def claim(self, drop_id: str, request_id: str, now: int) -> list[Effect]:
        effects = super().claim(drop_id, request_id, now)
        claim = self.room.claims.get(drop_id)
        if claim is not None and claim.request_id == request_id:
            self._tapped_at[request_id] = now_ms()
            self._history.note(Tapped(now_ms(), self._student, drop_id, request_id))
        return effects

    def http_answered(
        self, drop_id: str, request_id: str, answer: ClaimReply, now: int
    ) -> list[Effect]:
        self._answered(drop_id, request_id, answer["outcome"], "http", answer)
        if "coupon" in answer:
            self._confirmed(drop_id, answer["coupon"]["code"])
        return super().http_answered(drop_id, request_id, answer, now)

    def http_failed(
        self,
        drop_id: str,
        request_id: str,
        now: int,
        *,
        code: str,
        retryable: bool,
        retry_after_ms: int | None = None,
    ) -> list[Effect]:
        self._step(FAILED, request_id, code)
        if not retryable:
            self._answered(drop_id, request_id, code, "http")
        return super().http_failed(
            drop_id,
            request_id,
            now,
            code=code,
            retryable=retryable,
            retry_after_ms=retry_after_ms,
        )

    def _take_effects(self) -> list[Effect]:
        """Note every effect that the client is about to carry out."""
        effects = super()._take_effects()
        for effect in effects:
            match effect:
                case Emit(StatusEvent(status, code)):
                    self._step(status, detail=str(code or ""))
                case ClaimOverHttp(_, request_id):
                    self._step(BY_HTTP, request_id)
                case Send(text):
                    frame: Any = json.loads(text)
                    if frame["type"] == "claim":
                        self._step(SENT, frame["request_id"])
                case _:
                    pass
        return effects

    def _step(self, what: str, request_id: str = "", detail: str = "") -> None:
        self._history.note(Step(now_ms(), self._device, self._student, what, request_id, detail))

    def _note_frame(self, frame: Any) -> None:
        match frame["type"]:
            case "welcome":
                self._welcomed(frame)
            case "claim_result":
                self._answered(
                    frame["drop_id"], frame["request_id"], frame["outcome"], "socket", frame
                )
            case "claim_confirmed":
                self._confirmed(frame["drop_id"], frame["coupon"]["code"])
            case "claim_revoked" | "coupon_released":
                self._history.note(
                    ClaimTakenBack(now_ms(), self._student, frame["drop_id"], frame["type"])
                )
            case word if word in _ON_THE_FEED:
                self._note_feed(word, frame)

    def _welcomed(self, frame: Any) -> None:
        claims = {one["drop_id"]: one["state"] for one in frame["claims"]}
        drops = tuple(drop["id"] for drop in frame["drops"])
        self._history.note(
            Welcomed(
                now_ms(),
                self._since,
                self._connection,
                self._student,
                frame["room"],
                frame["epoch"],
                frame["offset"],
                drops,
                claims,
            )
        )
        for one in frame["claims"]:
            if one["state"] == "confirmed":
                self._confirmed(one["drop_id"], one["coupon"]["code"])

    def _note_feed(self, word: str, frame: Any) -> None:
        drop_id = frame["drop"]["id"] if "drop" in frame else frame["drop_id"]
        position = frame["epoch"], frame["offset"]
        self._history.note(
            FrameReceived(now_ms(), self._connection, self._student, drop_id, word, *position)
        )

    def _answered(
        self, drop_id: str, request_id: str, outcome: str, way: str, said: Any = None
    ) -> None:
        if outcome in NOT_ANSWERS:
            self._step(PUT_OFF, request_id, f"{way} {said.get('retry_after_ms', '')}")
        asked_at = self._tapped_at.get(request_id, 0)
        self._history.note(
            Answered(now_ms(), asked_at, self._student, drop_id, request_id, outcome, way)
        )

    def _confirmed(self, drop_id: str, code: str) -> None:
        self._history.note(Confirmed(now_ms(), self._student, drop_id, code))
