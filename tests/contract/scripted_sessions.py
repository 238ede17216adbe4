"""The runner of a scripted session of `client_sdk/vectors.json` against the Python session.

`test_vectors_python` uses it. Its twin is in `session_vectors.test.js`.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from client_sdk.python.session import Session
from client_sdk.python.shapes import (
    ClaimOverHttp,
    Connect,
    Disconnect,
    Effect,
    Emit,
    RequestToken,
    Send,
    WakeAt,
)

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "client_sdk" / "vectors.json").read_text(encoding="utf-8")
)
BASE: int = VECTORS["base"]
Step = Mapping[str, Any]


def filled(value: Any) -> Any:
    """`{"use": name, …}` replaced by the fixture, all the way down."""
    if isinstance(value, list):
        return [filled(item) for item in value]
    if not isinstance(value, dict):
        return value
    fields = {name: filled(item) for name, item in value.items() if name != "use"}
    return {**filled(VECTORS["fixtures"][value["use"]]), **fields} if "use" in value else fields


class ScriptedSession:
    def __init__(self, script: Mapping[str, Any]) -> None:
        numbers: Iterator[float] = iter(script.get("random", []))
        self._session = Session("algebra", lambda: next(numbers))
        self._woken_at: int | None = None
        for step in VECTORS["preludes"].get(script.get("prelude"), []):
            self.take(step)

    def take(self, step: Step) -> list[Any]:
        """Return the effects in the form of `out` in the vectors."""
        if step["do"] == "tick":
            self._woken_at = None  # a timer that has fired is gone
        effects = INPUTS[step["do"]](self._session, step, BASE + step["at"])
        for effect in effects:
            if isinstance(effect, WakeAt):
                self._woken_at = effect.at
        return [_plain(effect) for effect in effects if not isinstance(effect, WakeAt)]

    @property
    def wake_at(self) -> int | None:
        return None if self._woken_at is None else self._woken_at - BASE

    def state(self) -> dict[str, Any]:
        state = asdict(self._session.state)
        if state["retry_at"] is not None:
            state["retry_at"] -= BASE
        return {**state, "drops": {drop["id"]: drop for drop in state["drops"]}}


INPUTS: dict[str, Callable[[Session, Step, int], list[Effect]]] = {
    "start": lambda session, _, now: session.start(now),
    "stop": lambda session, _step, _now: session.stop(),
    "token": lambda session, step, now: session.token(step["token"], now),
    "token_failed": lambda session, _, now: session.token_failed(now),
    "opened": lambda session, _, now: session.opened(now),
    "closed": lambda session, step, now: session.closed(step["code"], now),
    "online": lambda session, _, now: session.online(now),
    "woken": lambda session, _, now: session.woken(now),
    "tick": lambda session, _, now: session.tick(now),
    "text": lambda session, step, now: session.frame(step["text"], now),
    "frame": lambda session, step, now: session.frame(json.dumps(filled(step["frame"])), now),
    "seen": lambda session, step, now: session.seen(step["drop_id"], now),
    "learn": lambda session, step, now: session.learn(filled(step["coupons"]), now),
    "claim": lambda session, step, now: session.claim(step["drop_id"], step["request_id"], now),
    "http_answered": lambda session, step, now: session.http_answered(
        step["drop_id"], step["request_id"], step["answer"], now
    ),
    "http_failed": lambda session, step, now: session.http_failed(
        step["drop_id"], step["request_id"], now, **step["error"]
    ),
}


def _plain(effect: Effect) -> Any:
    match effect:
        case Connect():
            return "connect"
        case RequestToken():
            return "request_token"
        case Send():
            return {"send": json.loads(effect.text)}
        case Emit():
            return {"emit": asdict(effect.event)}
        case Disconnect():
            return {"disconnect": effect.code}
        case ClaimOverHttp():
            return {"claim_over_http": asdict(effect)}
        case _:
            raise AssertionError(effect)


def fits(found: Any, expected: Any) -> bool:
    """Return whether `found` has all that `expected` lists. Null equals absent; `drops` and `claims` list all
    ids."""
    if not isinstance(expected, dict):
        return bool(found == expected)
    if not isinstance(found, dict):
        return False
    for name, value in expected.items():
        if name in ("drops", "claims") and set(found[name]) != set(value):
            return False
        if not fits(found.get(name), value):
            return False
    return True
