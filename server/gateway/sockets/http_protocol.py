"""uvicorn's HTTP with a deadline for every phase that depends on the client, and a bound on what we keep.

Made by `ProtocolSwitch` for every connection that does not begin with a whole WebSocket handshake. uvicorn
alone waits for ever for the rest of a request and for a client that does not read; it keeps any number of
headers, and logs a line for each malformed request. Here a client that exceeds a deadline or a bound gets a
response that says so, and is closed (decisions/0016). Knows nothing of what requests mean.
"""

import asyncio
from collections.abc import Mapping
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from server.core.origins import read_authority
from server.gateway.sockets.connection_limiter import ConnectionLimiter
from server.gateway.sockets.protocol_switch import MAX_HEAD_BYTES

# As it travels, with chunk heads. Each endpoint refuses what is larger than its own bound, at most 10 MB.
MAX_BODY_BYTES: Final = 11 * 1024 * 1024
MAX_AHEAD: Final = 16  # pipelined requests, sent before the first one is answered


class Phase(Enum):
    """The event that the connection waits for."""

    HEAD = auto()  # the rest of a request line and headers
    BODY = auto()  # the rest of a body
    RESPONDING = auto()  # our response: no deadline here, the flows have their own
    CLIENT_READING = auto()  # the client to read our response
    # The rest of a body that was answered early. It is read and dropped, however much comes in the time: many
    # clients send all before they read, and a connection that is reset under them loses the answer.
    DISCARDING_BODY = auto()
    IDLE = auto()  # the next request
    CLOSING = auto()  # a refused client to close its side


PhaseTimeouts = Mapping[Phase, float]
PHASE_TIMEOUTS: Final[PhaseTimeouts] = {  # seconds
    Phase.HEAD: 10.0,
    Phase.BODY: 20.0,
    Phase.CLIENT_READING: 20.0,
    Phase.DISCARDING_BODY: 20.0,
    Phase.IDLE: 20.0,  # beyond uvicorn's `timeout_keep_alive`, until the last response has been read
    Phase.CLOSING: 2.0,
}


class GuardedHttpProtocol(HttpToolsProtocol):
    """A parser callback refuses a request by raising OverflowError, which the parser turns into an
    HttpParserError; the status is in `_status`."""

    def __init__(
        self,
        connection_limiter: ConnectionLimiter,
        timeouts: PhaseTimeouts = PHASE_TIMEOUTS,
        **uvicorn_parts: Any,
    ) -> None:
        super().__init__(**uvicorn_parts)
        self._limiter = connection_limiter
        idle_s = self.timeout_keep_alive + timeouts[Phase.IDLE]
        self._timeouts = {**timeouts, Phase.IDLE: idle_s}
        self._phase = Phase.IDLE
        self._deadline: asyncio.TimerHandle | None = None
        self._is_in_head = False
        self._is_in_body = False
        self._is_refused = False
        self._head_bytes = 0
        self._bytes = 0  # since the last head or body was complete
        self._status = HTTPStatus.BAD_REQUEST  # for a refusal that a callback of the parser raises

    # --- asyncio.Protocol ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._limiter.opened(transport)
        self._enter(Phase.HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        self._limiter.closed(self.transport, was_answering=self._phase is Phase.RESPONDING)
        self._phase = Phase.CLOSING
        self._cancel_deadline()
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
            self._update_phase(has_begun=True)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._update_phase()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._update_phase()

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
        """Count every header. Trailers behind a body are counted and not kept, as nothing reads them."""
        self._count(len(name) + len(value), HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if self._is_in_head:
            super().on_header(name, value.strip(b" \t"))  # the parser keeps trailing blanks

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
        self._update_phase()

    # --- inside -------------------------------------------------------------------------------

    def _refuse_other_forms(self) -> None:
        """Refuse a request without exactly one valid `Host` (HTTP/1.0 may have none), and any other version.
        A proxy in front of us might read such a request differently than we do."""
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

    def _update_phase(self, *, has_begun: bool = False) -> None:
        """Enter the phase that follows from the parser's and the transport's state, and check the bounds.
        `has_begun`: bytes of the next request have come, if only an empty line."""
        if self._is_refused or self._phase is Phase.CLOSING:
            return
        phase = self._current_phase()
        if phase is Phase.IDLE and has_begun:
            phase = Phase.HEAD
        if phase is not self._phase:
            self._enter(phase)
        if phase is Phase.HEAD and self._bytes > MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif phase is Phase.BODY and self._bytes > MAX_BODY_BYTES:
            self.transport.abort()

    def _current_phase(self) -> Phase:
        if self.flow.write_paused:
            return Phase.CLIENT_READING
        if self._open_request() is not None:
            return Phase.BODY if self._is_in_body else Phase.RESPONDING
        if self._is_in_body:
            return Phase.DISCARDING_BODY
        return Phase.HEAD if self._is_in_head else Phase.IDLE

    def _open_request(self) -> RequestResponseCycle | None:
        """Return the last request, while it or one before it waits for its response."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle if cycle is not None and not cycle.response_complete else None

    def _enter(self, phase: Phase) -> None:
        before, self._phase = self._phase, phase
        if phase is Phase.RESPONDING:
            self._limiter.request_received(self.transport)
        elif before is Phase.RESPONDING:
            self._limiter.response_sent(self.transport)
        self._cancel_deadline()
        if phase is not Phase.RESPONDING:
            self._deadline = self.loop.call_later(self._timeouts[phase], self._on_timeout)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _on_timeout(self) -> None:
        if self._phase in (Phase.HEAD, Phase.BODY):
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.abort()

    def _refuse(self, status: HTTPStatus) -> None:
        """Send a response and half-close: the client can read it, whatever it is still sending."""
        request = self._open_request()
        if request is not None and request.response_started:
            self.transport.abort()
        if self.transport.is_closing():
            return
        if request is not None:
            request.disconnected = True  # wakes the application, which then stops
            request.message_event.set()
        self._enter(Phase.CLOSING)
        self._is_refused = True
        text = f"{status.phrase}\n".encode()
        self.transport.write(
            b"HTTP/1.1 %d %s\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n"
            b"content-length: %d\r\n\r\n%s" % (status, status.phrase.encode(), len(text), text)
        )
        self.transport.write_eof()

    def _upgrade(self, rest: bytes) -> None:
        """Give the connection to the gateway: a handshake came in pieces, or behind other requests. Bytes
        behind the handshake belong to the socket."""
        if not self._should_upgrade():
            # Answered as if it had not asked for another protocol.
            self.cycle.keep_alive = False
            self._update_phase()
        elif self._open_request() is not None:
            self._refuse(HTTPStatus.BAD_REQUEST)
        elif self.parser.get_http_version() != "1.1":
            self._refuse(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
        else:
            self._phase = Phase.CLOSING
            self._cancel_deadline()
            self.connections.discard(self)
            self._switch_to_socket()
            if rest and not self.transport.is_closing():
                self.transport.get_protocol().data_received(rest)  # type: ignore[attr-defined]

    def _switch_to_socket(self) -> None:
        """Give the gateway the head as if it had come in one piece. Set the new protocol first,
        because the head may make the gateway abort, and the new protocol must be told of that."""
        lines = [b"%b %b HTTP/1.1\r\n" % (self.parser.get_method(), self.url)]
        lines += [b"%b: %b\r\n" % header for header in self.headers]
        protocol = self.ws_protocol_class()  # type: ignore[misc]
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        protocol.data_received(b"".join((*lines, b"\r\n")))
