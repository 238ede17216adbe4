"""The door's two readers of a handshake: the quick one never says more than the library would."""

import base64
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from server.gateway.handshake import (
    SUBPROTOCOL,
    Handshake,
    is_from,
    read_request,
    read_usual,
    room_of,
)

KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="
# RFC 6455, section 1.3: what the example's key is answered with.
ACCEPTED: Final = b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
BROWSER: Final = (
    "GET /v1/rooms/math?x=1 HTTP/1.1",
    "Host: drops.example",
    "Connection: Upgrade",
    "Pragma: no-cache",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64)",
    "Upgrade: websocket",
    "Origin: https://drops.example",
    "Sec-WebSocket-Version: 13",
    "Accept-Encoding: gzip, deflate, br",
    f"Sec-WebSocket-Key: {KEY}",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
    f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
)


def head(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def changed(name: str, *lines: str) -> bytes:
    """The browser's, with other lines in the place of one header."""
    at = next(i for i, line in enumerate(BROWSER) if line.startswith(name))
    return head(*BROWSER[:at], *lines, *BROWSER[at + 1 :])


class ByLibrary:
    """What `websockets` makes of the same bytes."""

    def __init__(self, data: bytes) -> None:
        protocol = ServerProtocol(subprotocols=[Subprotocol(SUBPROTOCOL)])
        protocol.receive_data(data)
        requests = [event for event in protocol.events_received() if isinstance(event, Request)]
        self.asked = read_request(requests[0]) if requests else None
        self.status = protocol.accept(requests[0]).status_code if requests else 400


def same(one: Handshake, other: Handshake | None) -> bool:
    return other is not None and all(
        getattr(one, name) == getattr(other, name)
        for name in ("path", "host", "origins", "forwarded_for")
    )


def test_a_browser_s_is_read_and_accepted() -> None:
    asked = read_usual(head(*BROWSER))
    assert asked is not None
    assert same(asked, ByLibrary(head(*BROWSER)).asked)
    assert ACCEPTED in asked.answer()


def test_what_a_proxy_adds_is_read_too() -> None:
    asked = read_usual(head(*BROWSER, "X-Forwarded-For: 192.0.2.1, 192.0.2.2"))
    assert asked is not None
    assert asked.forwarded_for == ["192.0.2.1, 192.0.2.2"]


@pytest.mark.parametrize(
    "data",
    [
        changed("GET", "POST /v1/rooms/math HTTP/1.1"),
        changed("GET", "GET /v1/rooms/math HTTP/1.0"),
        changed("GET", "GET /v1/rooms/m\u00e4th HTTP/1.1"),
        changed("Connection"),
        changed("Connection", "Connection: keep-alive"),
        changed("Upgrade"),
        changed("Upgrade", "Upgrade: h2c"),
        changed("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"),
        changed("Sec-WebSocket-Key"),
        changed("Sec-WebSocket-Key", "Sec-WebSocket-Key: short"),
        changed("Sec-WebSocket-Key", f"Sec-WebSocket-Key: {KEY}", f"Sec-WebSocket-Key: {KEY}"),
        changed("Sec-WebSocket-Protocol"),
        changed("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: chat"),
        changed("Host", "Host: drops.example", "Content-Length: 5"),
        changed("Host", "Host: drops.example", "Transfer-Encoding: chunked"),
        changed("Host", "Host: drops.example", " folded"),
        changed("Host", "Host : drops.example"),
        changed("Host", "Host: a", "Host: b"),
        changed("User-Agent", "User-Agent: " + "x" * 5_000),
        head(*BROWSER)[:-2],
        head(*BROWSER) + b"more",
        b"",
    ],
)
def test_whatever_is_unusual_is_left_to_the_library(data: bytes) -> None:
    assert read_usual(data) is None


_word = st.text(st.characters(codec="latin-1"), max_size=24)
_line = st.one_of(
    st.sampled_from(BROWSER[1:]),
    st.builds(lambda name, value: f"{name}: {value}", st.sampled_from([*"aB-"]), _word),
    st.sampled_from(["Origin: null", "Connection: keep-alive, Upgrade", "upgrade: WebSocket"]),
    _word,
)


@given(st.permutations(BROWSER[1:]), st.lists(_line, max_size=3), st.integers(0, 11))
def test_what_it_accepts_the_library_accepts_and_reads_alike(
    lines: list[str], more: list[str], dropped: int
) -> None:
    kept = [line for i, line in enumerate([*lines, *more]) if i != dropped]
    data = "".join(f"{line}\r\n" for line in (BROWSER[0], *kept, "")).encode("latin-1")
    asked = read_usual(data)
    if asked is not None:
        library = ByLibrary(data)
        assert library.status == 101
        assert same(asked, library.asked)


@given(st.binary(min_size=16, max_size=16))
def test_every_key_a_client_can_make_is_usual(nonce: bytes) -> None:
    key = base64.b64encode(nonce).decode()
    assert read_usual(changed("Sec-WebSocket-Key", f"Sec-WebSocket-Key: {key}")) is not None


def test_who_names_no_room_asks_for_none() -> None:
    assert room_of("/v1/rooms/") is None


def test_two_origins_are_nobody_s() -> None:
    assert not is_from(Handshake("/", "a", ["http://a", "http://a"], []), frozenset())
