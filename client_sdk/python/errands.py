"""What one person has to tell the room until it is heard: taps and sightings.

Decides what goes when and which way: by the socket, or by HTTP where the socket did not answer in
time. Asked by `session` after every input; must not know what an answer means. `now` is local ms.
Twin of `javascript/errands.js`.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from client_sdk.python.frames import claim, seen
from client_sdk.python.shapes import ClaimOverHttp, Effect, Send

ANSWER_MS: Final = 2_000


@dataclass(slots=True)
class _Errand:
    """A claim not answered yet. Infinite = not due."""

    request_id: str
    send_at: float  # by the socket, as soon as it is live
    http_at: float  # by HTTP, live or not
    failures: int = 0


class Errands:
    """`backoff` gives the wait in ms after so many failures."""

    def __init__(self, backoff: Callable[[int], float]) -> None:
        self._backoff = backoff
        self._claims: dict[str, _Errand] = {}  # by drop
        self._by_http: dict[str, str] = {}  # under way: drop id -> request id
        self._seen: dict[str, float] = {}  # drop id -> when to tell; infinite: told

    def tap(self, drop_id: str, request_id: str, now: int) -> None:
        self._claims[drop_id] = _Errand(request_id, send_at=now, http_at=now + ANSWER_MS)

    def see(self, drop_id: str, pick: Callable[[], float]) -> None:
        """`pick` chooses the moment, once per drop."""
        if drop_id not in self._seen:
            self._seen[drop_id] = pick()

    def waits_for(self, drop_id: str, request_id: str) -> bool:
        errand = self._claims.get(drop_id)
        return errand is not None and errand.request_id == request_id

    def done(self, drop_id: str) -> None:
        self._claims.pop(drop_id, None)

    def done_with_all(self) -> list[str]:
        """The drops whose claims nobody waits for any more."""
        drop_ids = list(self._claims)
        self._claims.clear()
        return drop_ids

    def rejoined(self, drop_ids: set[str], now: int) -> None:
        """`drop_ids` still wait for their answer: what was sent before may be lost, what the server
        put off stays put off."""
        self._claims = {k: errand for k, errand in self._claims.items() if k in drop_ids}
        for errand in self._claims.values():
            errand.failures = 0
            if errand.send_at == math.inf:
                errand.send_at = now

    def put_off(self, drop_id: str, until: float) -> None:
        """The server asked for the same request again then."""
        errand = self._claims[drop_id]
        errand.send_at = errand.http_at = until
        errand.failures = 0

    def http_ended(self, drop_id: str) -> None:
        self._by_http.pop(drop_id, None)

    def http_failed(self, drop_id: str, now: int, retry_after_ms: int) -> None:
        errand = self._claims[drop_id]
        errand.http_at = now + max(retry_after_ms, self._backoff(errand.failures))
        errand.failures += 1

    def due(self, now: int, *, is_live: bool) -> Iterator[Effect]:
        """What is to be done now. Doing it is taken for granted."""
        for drop_id, errand in self._claims.items():
            if is_live and now >= errand.send_at:
                errand.send_at = math.inf
                errand.http_at = now + ANSWER_MS
                self._seen[drop_id] = math.inf  # a claim implies it
                yield Send(claim(drop_id, errand.request_id))
            elif now >= errand.http_at and drop_id not in self._by_http:
                errand.http_at = math.inf
                self._by_http[drop_id] = errand.request_id
                yield ClaimOverHttp(drop_id, errand.request_id)
        for drop_id, tell_at in self._seen.items():
            if is_live and now >= tell_at:
                self._seen[drop_id] = math.inf
                yield Send(seen(drop_id))

    def next_at(self, *, is_live: bool) -> float:
        """Local ms of the next moment at which something is due; infinite if none."""
        moments = [
            errand.http_at
            for drop_id, errand in self._claims.items()
            if drop_id not in self._by_http
        ]
        if is_live:
            moments += [errand.send_at for errand in self._claims.values()]
            moments += self._seen.values()
        return min(moments, default=math.inf)
