"""Requests that the server has not answered yet: claims, and reports that a card was seen.

Decides when each is sent, and which way: over the socket, or over HTTP where the socket did not answer
in time. Called by `session` after every input; must not know what a reply means. `now` is local ms.
Twin of `javascript/pending_requests.js`.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from client_sdk.python.frames import claim, seen
from client_sdk.python.shapes import ClaimOverHttp, Effect, Send

# A claim without a reply from the socket goes over HTTP after this time.
ANSWER_MS: Final = 2_000


@dataclass(slots=True)
class _Request:
    """A claim without a reply, and when it is due; infinite means not due."""

    request_id: str
    send_at: float  # over the socket, once it is live
    http_at: float  # over HTTP, whether the socket is live or not
    failures: int = 0
    client_random: str | None = None  # of a tap on a draw


class PendingRequests:
    """The requests of one session. `backoff` returns the wait in ms after a number of failures."""

    def __init__(self, backoff: Callable[[int], float]) -> None:
        self._backoff = backoff
        self._claims: dict[str, _Request] = {}  # by drop id
        self._by_http: dict[str, str] = {}  # drop id -> id of the HTTP request that is under way
        self._seen: dict[str, float] = {}  # drop id -> when to report it; infinite: reported

    def tap(self, drop_id: str, request_id: str, now: int, random: str | None = None) -> None:
        """Add a claim, due at once. It replaces an earlier claim of the drop. `random`: of a draw."""
        http_at = now + ANSWER_MS
        self._claims[drop_id] = _Request(request_id, now, http_at, client_random=random)

    def see(self, drop_id: str, pick: Callable[[], float]) -> None:
        """Add a report that the card was seen. `pick` chooses its time; it is called once per drop."""
        if drop_id not in self._seen:
            self._seen[drop_id] = pick()

    def is_pending(self, drop_id: str, request_id: str) -> bool:
        """Return whether exactly this request still waits for its reply."""
        request = self._claims.get(drop_id)
        return request is not None and request.request_id == request_id

    def done(self, drop_id: str) -> None:
        """Remove the claim of this drop; there may be none."""
        self._claims.pop(drop_id, None)

    def clear(self) -> list[str]:
        """Remove all claims, and return the ids of their drops."""
        drop_ids = list(self._claims)
        self._claims.clear()
        return drop_ids

    def rejoined(self, drop_ids: set[str], now: int) -> None:
        """Make claims due again after a welcome.

        Keep only the claims of `drop_ids`. What was sent on the old socket may be lost, so it is sent
        again. A claim that the server postponed stays postponed.
        """
        self._claims = {k: request for k, request in self._claims.items() if k in drop_ids}
        for request in self._claims.values():
            request.failures = 0
            if request.send_at == math.inf:
                request.send_at = now

    def postpone(self, drop_id: str, until: float) -> None:
        """Send the same request again at `until`, because the server asked for that."""
        request = self._claims[drop_id]
        request.send_at = request.http_at = until
        request.failures = 0

    def http_ended(self, drop_id: str) -> None:
        """Note that no HTTP request of this drop is under way any more."""
        self._by_http.pop(drop_id, None)

    def http_failed(self, drop_id: str, now: int, retry_after_ms: int) -> None:
        """Try HTTP again after the longer of the back-off and `retry_after_ms`."""
        request = self._claims[drop_id]
        request.http_at = now + max(retry_after_ms, self._backoff(request.failures))
        request.failures += 1

    def due(self, now: int, *, is_live: bool) -> Iterator[Effect]:
        """Return what is due now. Each effect counts as carried out once it is returned."""
        for drop_id, request in self._claims.items():
            if is_live and now >= request.send_at:
                request.send_at = math.inf
                request.http_at = now + ANSWER_MS
                self._seen[drop_id] = math.inf  # a claim implies that the card was seen
                yield Send(claim(drop_id, request.request_id, request.client_random))
            elif now >= request.http_at and drop_id not in self._by_http:
                request.http_at = math.inf
                self._by_http[drop_id] = request.request_id
                yield ClaimOverHttp(drop_id, request.request_id)
        for drop_id, tell_at in self._seen.items():
            if is_live and now >= tell_at:
                self._seen[drop_id] = math.inf
                yield Send(seen(drop_id))

    def next_at(self, *, is_live: bool) -> float:
        """Return the local ms at which something is due next; infinite if nothing is."""
        moments = [
            request.http_at
            for drop_id, request in self._claims.items()
            if drop_id not in self._by_http
        ]
        if is_live:
            moments += [request.send_at for request in self._claims.values()]
            moments += self._seen.values()
        return min(moments, default=math.inf)
