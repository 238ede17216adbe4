"""One student of a storm: a socket, a few slots, no task.

Made by `crowd`, which also brings those back who lost their connection; writes what happens into
the process' Recording. Everybody's claim is the same bytes (a request id counts per student), and a
frame that came before is not parsed again, so that the tester's own work stays small beside the
server's.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, cast

import orjson

from loadtest.codec import CodecError, Handshake, Opcode, close_code, masked, split
from loadtest.recording import Recording

_NO_ANSWERS: Final = ("retry", "rate_limited")  # the same request id is to be sent again
_DEFAULT_RETRY_MS: Final = 1_000
_PONG: Final = masked(b'{"type":"pong"}')


@dataclass(slots=True)
class Scene:
    """What all students of one process share. `mark`: the text in its message by which our drop is
    known among a room's others."""

    mark: str
    request_id: str
    reaction_s: Callable[[], float]
    recording: Recording
    left: Callable[["Student", int | None, int | None], None]
    drop_id: str | None = None
    claim: bytes = b""
    _seen: dict[bytes, dict[str, Any]] = field(default_factory=dict)

    def read(self, payload: bytes) -> dict[str, Any]:
        """A room's frames are the same bytes for everybody: the last few are kept parsed."""
        frame = self._seen.get(payload)
        if frame is None:
            if len(self._seen) > 16:
                self._seen.clear()
            frame = self._seen[payload] = orjson.loads(payload)
        return frame

    def is_ours(self, drop: dict[str, Any]) -> bool:
        if self.mark not in drop["message"]:
            return False
        if self.drop_id is None:
            self.drop_id = drop["id"]
            claim = {"type": "claim", "drop_id": drop["id"], "request_id": self.request_id}
            self.claim = masked(orjson.dumps(claim))
        return True


class Student(asyncio.Protocol):
    """`number`: the slot in the recording. Lives through reconnects."""

    __slots__ = (
        "_close_code",
        "_handshake",
        "_hello",
        "_is_open",
        "_rest",
        "_retry_after_ms",
        "_scene",
        "_transport",
        "number",
    )

    def __init__(self, number: int, token: str, handshake: Handshake, scene: Scene) -> None:
        self.number = number
        self._scene = scene
        self._handshake = handshake
        self._hello = masked(orjson.dumps({"type": "hello", "token": token}))
        self._transport: asyncio.WriteTransport | None = None
        self._forget()

    def _forget(self) -> None:
        self._rest = b""
        self._is_open = False
        self._close_code: int | None = None
        self._retry_after_ms: int | None = None

    def leave(self) -> None:
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
            self._scene.recording.troubles[str(error)] += 1
            self.leave()
            return
        for opcode, payload in frames:
            self._on_frame(opcode, payload, at)

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        self._scene.recording.here[self.number] = 0
        self._scene.left(self, self._close_code, self._retry_after_ms)

    # Frames.

    def _on_frame(self, opcode: int, payload: bytes, at: int) -> None:
        if opcode == Opcode.TEXT:
            frame = self._scene.read(payload)
            handle = _ON_TEXT.get(frame["type"])
            if handle is not None:
                handle(self, frame, at)
        elif opcode == Opcode.PING:
            self._write(masked(payload, Opcode.PONG))
        elif opcode == Opcode.CLOSE:
            self._close_code = close_code(payload)
            self._write(masked(payload[:2], Opcode.CLOSE))

    def _on_welcome(self, frame: dict[str, Any], at: int) -> None:
        """Also where a reconnect ends: what was missed is made up for."""
        scene, record = self._scene, self._scene.recording
        record.join(self.number, at)
        has_tapped = bool(record.tap_due[self.number])
        for drop in frame["drops"]:
            if scene.is_ours(drop):
                self._see(drop, at)
        for claim in frame["claims"]:
            if claim["drop_id"] == scene.drop_id:
                self._on_told_claim(claim, at)
        if has_tapped and record.outcomes[self.number] is None:
            self._write(scene.claim)  # asked before, never answered

    def _on_told_claim(self, claim: dict[str, Any], at: int) -> None:
        record = self._scene.recording
        if claim["state"] in ("won", "confirmed"):
            record.answer(self.number, at, "won", None)
        if claim["state"] == "confirmed" and claim.get("coupon"):
            record.confirm(self.number, at, claim["coupon"]["id"])
        if claim["state"] == "revoked":
            record.revoked.add(self.number)

    def _on_drop_opened(self, frame: dict[str, Any], at: int) -> None:
        if self._scene.is_ours(frame["drop"]):
            self._see(frame["drop"], at)

    def _see(self, drop: dict[str, Any], at: int) -> None:
        """Open loop: each taps at a moment of their own, whatever becomes of the others' claims."""
        if drop["state"] == "closed" or not self._scene.recording.push(self.number, at):
            return
        wait_s = self._scene.reaction_s()
        self._scene.recording.tap_due[self.number] = at + int(wait_s * 1e9)
        if wait_s:
            asyncio.get_running_loop().call_later(wait_s, self._tap)
        else:
            self._tap()

    def _tap(self) -> None:
        self._write(self._scene.claim)

    def _on_result(self, frame: dict[str, Any], at: int) -> None:
        if frame["drop_id"] != self._scene.drop_id:
            return
        if frame["outcome"] in _NO_ANSWERS:
            self._scene.recording.troubles[frame["outcome"]] += 1
            wait_ms = frame.get("retry_after_ms") or _DEFAULT_RETRY_MS
            asyncio.get_running_loop().call_later(wait_ms / 1000, self._tap)
            return
        outcome, coupon_id = frame["outcome"], frame.get("coupon_id")
        self._scene.recording.answer(self.number, at, outcome, coupon_id)

    def _on_confirmed(self, frame: dict[str, Any], at: int) -> None:
        if frame["drop_id"] == self._scene.drop_id:
            self._scene.recording.confirm(self.number, at, frame["coupon"]["id"])

    def _on_revoked(self, frame: dict[str, Any], _at: int) -> None:
        if frame["drop_id"] == self._scene.drop_id:
            self._scene.recording.revoked.add(self.number)

    def _on_ping(self, _frame: dict[str, Any], _at: int) -> None:
        self._write(_PONG)

    def _on_error(self, frame: dict[str, Any], _at: int) -> None:
        self._retry_after_ms = frame.get("retry_after_ms")
        self._scene.recording.troubles[frame["code"]] += 1

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


_ON_TEXT: Final[dict[str, Callable[[Student, dict[str, Any], int], None]]] = {
    "welcome": Student._on_welcome,
    "drop_opened": Student._on_drop_opened,
    "claim_result": Student._on_result,
    "claim_confirmed": Student._on_confirmed,
    "claim_revoked": Student._on_revoked,
    "coupon_released": Student._on_revoked,
    "ping": Student._on_ping,
    "error": Student._on_error,
}
