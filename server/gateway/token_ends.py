"""When the token of each socket ends, so that its socket ends with it.

One for a gateway, asked twice a second by `background_tasks.py`. There is no timer for each socket: sockets
wait in a set for each minute, and only the set of this minute is looked through. A set for each second would
be no more exact, and cost 200 bytes a socket where the tokens of a class end at different times.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from server.gateway.connection import Connection

_SPAN_MS: Final = 60_000


class TokenEnds:
    def __init__(self) -> None:
        self._spans: dict[int, set[Connection]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._spans.values()))

    def add(self, connection: "Connection", ends_at: int) -> None:
        """`ends_at` holds the leeway."""
        self._spans.setdefault(ends_at // _SPAN_MS, set()).add(connection)

    def discard(self, connection: "Connection", ends_at: int) -> None:
        span = self._spans.get(ends_at // _SPAN_MS)
        if span is not None:
            span.discard(connection)
            if not span:
                del self._spans[ends_at // _SPAN_MS]

    def due(self, now: int) -> list["Connection"]:
        """Whose token has ended. They stay until they are discarded."""
        latest = now // _SPAN_MS
        spans = [self._spans[number] for number in self._spans if number <= latest]
        return [connection for span in spans for connection in span if connection.has_expired(now)]
