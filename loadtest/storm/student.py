"""One student of a storm: an asyncio protocol with a few slots and no task.

Created by `client_process`, which also reconnects students who lost the connection. Writes what happens into
the process's Recording. The tester's own work must stay small beside the server's: the claim is the same
bytes for everybody (a request id counts per student), and a frame that has come before is not parsed again.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import orjson

from client_sdk.python.shapes import ClaimReply
from loadtest.clients.websocket_codec import (
    CodecError,
    Handshake,
    Opcode,
    close_code,
    masked,
    split,
)
from loadtest.storm.recording import Recording

_NO_ANSWERS: Final = (
    "retry",
    "rate_limited",
)  # the SDKs send the same request id again after these
_DEFAULT_RETRY_MS: Final = 1_000
LOST_STATE: Final = "came back to less than they had"
_PONG: Final = masked(b'{"type":"pong"}')


@dataclass(slots=True)
class SharedState:
    """The state that all students of one process share.

    run_id: text in a drop's message by which this run's drop is recognised among others.
    reaction_s: seconds from the card to the tap of a student, by number; None: never.
    seen_s: seconds from the card to `seen`; None: never.
    left: called after a connection ended, with the close code and the wait that the server asked for.
    tapped: called after every tap.
    is_deaf: students stop reading their sockets after the welcome.
    """

    run_id: str
    request_id: str
    reaction_s: Callable[[int], float | None]
    recording: Recording
    left: Callable[["Student", int | None, int | None], None]
    tapped: Callable[["Student"], None] = lambda _: None
    seen_s: Callable[[], float | None] = lambda: None
    is_deaf: bool = False
    drop_id: str | None = None
    claim: bytes = b""
    seen: bytes = b""
    _parsed: dict[bytes, dict[str, Any]] = field(default_factory=dict)

    def read(self, payload: bytes) -> dict[str, Any]:
        """Return the parsed frame. A room's frames are the same bytes for everybody, so the last 16 are kept
        parsed."""
        frame = self._parsed.get(payload)
        if frame is None:
            if len(self._parsed) > 16:
                self._parsed.clear()
            frame = self._parsed[payload] = orjson.loads(payload)
        return frame

    def is_ours(self, drop: dict[str, Any]) -> bool:
        if self.run_id not in drop["message"]:
            return False
        if self.drop_id is None:
            self.drop_id = drop["id"]
            claim = {"type": "claim", "drop_id": drop["id"], "request_id": self.request_id}
            self.claim = masked(orjson.dumps(claim))
            self.seen = masked(orjson.dumps({"type": "seen", "drop_id": drop["id"]}))
        return True


class Student(asyncio.Protocol):
    """One student, through all reconnects. `number` is the index in the recording."""

    __slots__ = (
        "_close_code",
        "_handshake",
        "_hello",
        "_is_open",
        "_rest",
        "_retry_after_ms",
        "_shared",
        "_transport",
        "answer_due_at",
        "number",
        "token",
    )

    def __init__(self, number: int, token: str, handshake: Handshake, shared: SharedState) -> None:
        self.number = number
        self.token = token
        self.answer_due_at: float | None = None
        self._shared = shared
        self._handshake = handshake
        self._hello = masked(orjson.dumps({"type": "hello", "token": token}))
        self._transport: asyncio.WriteTransport | None = None
        self._forget()

    def _forget(self) -> None:
        self._rest = b""
        self._is_open = False
        self._close_code: int | None = None
        self._retry_after_ms: int | None = None

    def disconnect(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._forget()
        # uvloop's transports do not inherit from asyncio's.
        self._transport = cast(asyncio.WriteTransport, transport)
        self._transport.write(self._handshake.request)

    def data_received(self, data: bytes) -> None:
        at = time.monotonic_ns()
        if self._rest:
            data = self._rest + data
        try:
            if not self._is_open:
                taken = self._handshake.accepted(data)
                if taken is None:
                    self._rest = data
                    return
                self._is_open = True
                self._write(self._hello)
                data = data[taken:]
            frames, self._rest = split(data)
        except CodecError as error:
            self._shared.recording.troubles[str(error)] += 1
            self.disconnect()
            return
        for opcode, payload in frames:
            self._on_frame(opcode, payload, at)

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        lost = (time.monotonic_ns(), self._close_code, self._retry_after_ms)
        self._shared.recording.lose(self.number, *lost)
        self._shared.left(self, self._close_code, self._retry_after_ms)

    # Frames.

    def _on_frame(self, opcode: int, payload: bytes, at: int) -> None:
        if opcode == Opcode.TEXT:
            frame = self._shared.read(payload)
            handle = _ON_TEXT.get(frame["type"])
            if handle is not None:
                handle(self, frame, at)
        elif opcode == Opcode.PING:
            self._write(masked(payload, Opcode.PONG))
        elif opcode == Opcode.CLOSE:
            self._close_code = close_code(payload)
            self._write(masked(payload[:2], Opcode.CLOSE))

    def _on_welcome(self, frame: dict[str, Any], at: int) -> None:
        """Join or rejoin: catch up with the drop and the claims that the welcome brings.

        A claim that was sent before and has no answer is sent again with the same request id.
        """
        shared, record = self._shared, self._shared.recording
        record.join(self.number, at)
        if shared.is_deaf:
            self._stop_reading()
        tap_due = record.tap_due[self.number]
        has_tapped = 0 < tap_due <= at
        had_won = record.outcomes[self.number] == "won"
        for drop in frame["drops"]:
            if shared.is_ours(drop):
                self._see(drop, at)
        mine = [claim for claim in frame["claims"] if claim["drop_id"] == shared.drop_id]
        for claim in mine:
            self._on_told_claim(claim, at)
        if had_won and not mine:
            record.troubles[LOST_STATE] += 1
        if has_tapped and record.outcomes[self.number] is None:
            self._tap()  # sent before the connection was lost, and not answered

    def _on_told_claim(self, claim: dict[str, Any], at: int) -> None:
        record = self._shared.recording
        if claim["state"] in ("won", "confirmed"):
            self.answer_due_at = None
            record.answer(self.number, at, "won", None)
        if claim["state"] == "confirmed" and claim.get("coupon"):
            record.confirm(self.number, at, claim["coupon"]["id"])
        if claim["state"] == "revoked":
            record.revoked.add(self.number)

    def _on_drop_opened(self, frame: dict[str, Any], at: int) -> None:
        if self._shared.is_ours(frame["drop"]):
            self._see(frame["drop"], at)

    def _on_drop_changed(self, frame: dict[str, Any], at: int) -> None:
        if self._shared.is_ours(frame["drop"]):
            self._shared.recording.change(frame["drop"]["quantity"], at)

    def _see(self, drop: dict[str, Any], at: int) -> None:
        """Note the card and plan the tap. The moment does not depend on the answers to other students (open
        loop)."""
        if drop["state"] == "closed" or not self._shared.recording.push(self.number, at):
            return
        wait_s, seen_s = self._shared.reaction_s(self.number), self._shared.seen_s()
        if seen_s is not None and (wait_s is None or seen_s < wait_s):  # a claim implies `seen`
            asyncio.get_running_loop().call_later(seen_s, self._tell_seen)
        if wait_s is None:
            return
        self._shared.recording.tap_due[self.number] = at + int(wait_s * 1e9)
        if wait_s:
            asyncio.get_running_loop().call_later(wait_s, self._tap)
        else:
            self._tap()

    def _tell_seen(self) -> None:
        self._write(self._shared.seen)

    def _tap(self) -> None:
        self._write(self._shared.claim)
        self._shared.tapped(self)

    def _on_result(self, frame: dict[str, Any], at: int) -> None:
        if frame["drop_id"] == self._shared.drop_id:
            self._on_outcome(frame, at)

    def _on_outcome(self, frame: Mapping[str, Any], at: int) -> None:
        self.answer_due_at = None
        if frame["outcome"] in _NO_ANSWERS:
            self._shared.recording.troubles[frame["outcome"]] += 1
            wait_ms = frame.get("retry_after_ms") or _DEFAULT_RETRY_MS
            asyncio.get_running_loop().call_later(wait_ms / 1000, self._tap)
            return
        outcome, coupon_id = frame["outcome"], frame.get("coupon_id")
        self._shared.recording.answer(self.number, at, outcome, coupon_id)

    # The HTTP fallback.

    @property
    def claim_key(self) -> tuple[str, str]:
        return self._shared.drop_id or "", self._shared.request_id

    def http_answered(self, answer: ClaimReply) -> None:
        at = time.monotonic_ns()
        self._shared.recording.troubles["answered over HTTP"] += 1
        self._on_outcome(answer, at)
        if "coupon" in answer:
            self._shared.recording.confirm(self.number, at, answer["coupon"]["id"])

    def http_refused(self, code: str, *, is_final: bool) -> None:
        self._shared.recording.troubles[f"{code} over HTTP"] += 1
        if is_final:
            self.answer_due_at = None
            self._shared.recording.answer(self.number, time.monotonic_ns(), code, None)

    def _on_confirmed(self, frame: dict[str, Any], at: int) -> None:
        if frame["drop_id"] == self._shared.drop_id:
            self._shared.recording.confirm(self.number, at, frame["coupon"]["id"])

    def _on_revoked(self, frame: dict[str, Any], _at: int) -> None:
        if frame["drop_id"] == self._shared.drop_id:
            self._shared.recording.revoked.add(self.number)

    def _on_ping(self, _frame: dict[str, Any], _at: int) -> None:
        self._write(_PONG)

    def _on_error(self, frame: dict[str, Any], _at: int) -> None:
        self._retry_after_ms = frame.get("retry_after_ms")
        self._shared.recording.troubles[frame["code"]] += 1

    def _stop_reading(self) -> None:
        # asyncio.WriteTransport does not declare this method; the transport of a socket has it.
        cast(asyncio.Transport, self._transport).pause_reading()

    def _write(self, data: bytes) -> None:
        """Send the bytes, but nothing before the hello: the server would close the socket.

        A tap that comes due during the handshake of a reconnect is therefore sent at the welcome.
        """
        if self._is_open and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


_ON_TEXT: Final[dict[str, Callable[[Student, dict[str, Any], int], None]]] = {
    "welcome": Student._on_welcome,
    "drop_opened": Student._on_drop_opened,
    "drop_changed": Student._on_drop_changed,
    "claim_result": Student._on_result,
    "claim_confirmed": Student._on_confirmed,
    "claim_revoked": Student._on_revoked,
    "coupon_released": Student._on_revoked,
    "ping": Student._on_ping,
    "error": Student._on_error,
}
