"""The sockets by the time at which their token ends, so that each is closed with its token.

Used by `gateway.py`; one for a gateway, read twice a second. There is no timer for each socket: sockets are
in one set for each minute, and only the sets up to this minute are looked through. A set for each second
would be no more exact, and would cost 200 bytes a socket where the tokens of a class end at different times.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from server.gateway.sockets.connection import Connection

_SPAN_MS: Final = 60_000


class TokenEnds:
    def __init__(self) -> None:
        self._spans: dict[int, set[Connection]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._spans.values()))

    def add(self, connection: "Connection", ends_at: int) -> None:
        """`ends_at`: ms, with the leeway for other clocks included."""
        self._spans.setdefault(ends_at // _SPAN_MS, set()).add(connection)

    def discard(self, connection: "Connection", ends_at: int) -> None:
        span = self._spans.get(ends_at // _SPAN_MS)
        if span is not None:
            span.discard(connection)
            if not span:
                del self._spans[ends_at // _SPAN_MS]

    def due(self, now: int) -> list["Connection"]:
        """Return the sockets whose token has ended. They stay here until they are discarded."""
        latest = now // _SPAN_MS
        spans = [self._spans[number] for number in self._spans if number <= latest]
        return [connection for span in spans for connection in span if connection.has_expired(now)]
