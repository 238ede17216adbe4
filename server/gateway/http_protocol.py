"""uvicorn's HTTP with an end to everybody's patience, theirs and ours.

Made by the front door for whatever is no socket's handshake in one piece. uvicorn waits for ever for the rest
of a request and for a client that does not read, keeps any number of headers, and writes a line into the log
for each request that is none. Here each phase that is the client's has a deadline, what a client can make us
keep has a bound, and who exceeds either gets an answer that says so and is cut off (decisions/0016).
Knows nothing of what is asked and answered.
"""

import asyncio
from collections.abc import Mapping
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from server.core.origins import read_authority
from server.gateway.connection_limiter import ConnectionLimiter
from server.gateway.protocol_switch import MAX_HEAD_BYTES

MAX_BODY_BYTES: Final = 1024 * 1024  # as it travels; the API refuses more than 64 KB of content
MAX_AHEAD: Final = 16  # requests sent before the first is answered


class Phase(Enum):
    """What a connection waits for. `OURS`: for our answer; the flows have deadlines of their own."""

    HEAD = auto()
    BODY = auto()
    OURS = auto()
    READING = auto()  # for the client to read our answer
    REST = auto()  # of a body whose answer has been given: what it says does not matter any more
    NEXT = auto()  # request
    GOODBYE = auto()  # for one who has been refused to go


Patience = Mapping[Phase, float]
PATIENCE: Final[Patience] = {  # seconds
    Phase.HEAD: 10.0,
    Phase.BODY: 20.0,
    Phase.READING: 20.0,
    Phase.REST: 2.0,
    Phase.NEXT: 20.0,  # beyond `timeout_keep_alive`, until the last answer has been read
    Phase.GOODBYE: 2.0,
}


class GuardedHttpProtocol(HttpToolsProtocol):
    def __init__(
        self,
        connection_limiter: ConnectionLimiter,
        patience: Patience = PATIENCE,
        **uvicorn_parts: Any,
    ) -> None:
        super().__init__(**uvicorn_parts)
        self._doorkeeper = connection_limiter
        self._patience = {**patience, Phase.NEXT: self.timeout_keep_alive + patience[Phase.NEXT]}
        self._phase = Phase.NEXT
        self._deadline: asyncio.TimerHandle | None = None
        self._is_in_head = False
        self._is_in_body = False
        self._is_refused = False
        self._head_bytes = 0
        self._bytes = 0  # since the last head or body was complete
        self._status = HTTPStatus.BAD_REQUEST  # of a refusal that a callback of the parser asks for

    # --- asyncio.Protocol ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._doorkeeper.came(transport)
        self._enter(Phase.HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        self._doorkeeper.left(self.transport, had_asked=self._phase is Phase.OURS)
        self._phase = Phase.GOODBYE
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self._is_refused or self.transport.is_closing():
            return
        self._bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(self._status)
        else:
            self._watch(has_begun=True)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._watch()

    # --- callbacks of the parser --------------------------------------------------------------

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MAX_AHEAD:
            raise OverflowError
        self._is_in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url), HTTPStatus.REQUEST_URI_TOO_LONG)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Those behind a body too: nobody looks at them, so nobody keeps them."""
        self._count(len(name) + len(value), HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if self._is_in_head:
            super().on_header(
                name, value.strip(b" \t")
            )  # what stands behind it is not stripped yet

    def on_headers_complete(self) -> None:
        self._is_in_head, self._is_in_body = False, True
        self._bytes = 0
        self._refuse_other_forms()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_in_body = False
        self._bytes = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    # --- inside -------------------------------------------------------------------------------

    def _refuse_other_forms(self) -> None:
        """Exactly one good `Host` (HTTP/1.0 may have none), and no other version: two readers of the same
        request, a proxy and we, would not mean the same."""
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1"):
            self._status = HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
            raise OverflowError
        hosts = [value for name, value in self.headers if name == b"host"]
        is_missing = not hosts and version == "1.0"
        if not is_missing and (
            len(hosts) != 1 or read_authority(hosts[0].decode("latin-1")) is None
        ):
            raise OverflowError

    def _count(self, size: int, status: HTTPStatus) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            self._status = status
            raise OverflowError

    def _watch(self, *, has_begun: bool = False) -> None:
        """`has_begun`: there are bytes of a request, if only an empty line."""
        if self._is_refused or self._phase is Phase.GOODBYE:
            return
        phase = self._what_is_due()
        if phase is Phase.NEXT and has_begun:
            phase = Phase.HEAD
        if phase is not self._phase:
            self._enter(phase)
        if phase is Phase.HEAD and self._bytes > MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._is_in_body and self._bytes > MAX_BODY_BYTES:
            self.transport.abort()

    def _what_is_due(self) -> Phase:
        if self.flow.write_paused:
            return Phase.READING
        if self._unanswered() is not None:
            return Phase.BODY if self._is_in_body else Phase.OURS
        if self._is_in_body:
            return Phase.REST
        return Phase.HEAD if self._is_in_head else Phase.NEXT

    def _unanswered(self) -> RequestResponseCycle | None:
        """The last request, while it or one before it waits for its answer."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle if cycle is not None and not cycle.response_complete else None

    def _enter(self, phase: Phase) -> None:
        before, self._phase = self._phase, phase
        if phase is Phase.OURS:
            self._doorkeeper.has_asked(self.transport)
        elif before is Phase.OURS:
            self._doorkeeper.was_answered(self.transport)
        self._stop_clock()
        if phase is not Phase.OURS:
            self._deadline = self.loop.call_later(self._patience[phase], self._lose_patience)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _lose_patience(self) -> None:
        if self._phase in (Phase.HEAD, Phase.BODY):
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.abort()

    def _refuse(self, status: HTTPStatus) -> None:
        """The half-close lets the client read the answer, whatever it is still sending."""
        asked = self._unanswered()
        if asked is not None and asked.response_started:
            self.transport.abort()
        if self.transport.is_closing():
            return
        if asked is not None:
            asked.disconnected = True  # nobody is there to be answered
            asked.message_event.set()
        self._enter(Phase.GOODBYE)
        self._is_refused = True
        text = f"{status.phrase}\n".encode()
        self.transport.write(
            b"HTTP/1.1 %d %s\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n"
            b"content-length: %d\r\n\r\n%s" % (status, status.phrase.encode(), len(text), text)
        )
        self.transport.write_eof()

    def _upgrade(self, behind: bytes) -> None:
        """A handshake that came in pieces, or behind other requests. What came behind it belongs to the
        socket."""
        if not self._should_upgrade():
            self.cycle.keep_alive = (
                False  # it is answered as if it had not asked for another protocol
            )
            self._watch()
        elif self._unanswered() is not None:
            self._refuse(HTTPStatus.BAD_REQUEST)
        elif self.parser.get_http_version() != "1.1":
            self._refuse(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
        else:
            self._phase = Phase.GOODBYE
            self._stop_clock()
            self.connections.discard(self)
            self._hand_over()
            if behind and not self.transport.is_closing():
                self.transport.get_protocol().data_received(behind)  # type: ignore[attr-defined]

    def _hand_over(self) -> None:
        """To the gateway, with the head as it would have come in one piece. The transport is the socket's
        before it reads a byte: it may be cut off by what it reads, and has to hear of that."""
        lines = [b"%b %b HTTP/1.1\r\n" % (self.parser.get_method(), self.url)]
        lines += [b"%b: %b\r\n" % header for header in self.headers]
        protocol = self.ws_protocol_class()  # type: ignore[misc]
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        protocol.data_received(b"".join((*lines, b"\r\n")))
