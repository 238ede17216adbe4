"""The door's two readers of a handshake: the quick one never says more than the library would."""

import base64
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from server.gateway.sockets.handshake import (
    SUBPROTOCOL,
    Handshake,
    handshake_of,
    has_good_host,
    is_from,
    parse_common_handshake,
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
    """The handshake that `websockets` reads from the same bytes."""

    def __init__(self, data: bytes) -> None:
        protocol = ServerProtocol(subprotocols=[Subprotocol(SUBPROTOCOL)])
        protocol.receive_data(data)
        requests = [event for event in protocol.events_received() if isinstance(event, Request)]
        self.asked = handshake_of(requests[0]) if requests else None
        self.status = protocol.accept(requests[0]).status_code if requests else 400


def same(one: Handshake, other: Handshake | None) -> bool:
    return other is not None and all(
        getattr(one, name) == getattr(other, name)
        for name in (
            "path",
            "host",
            "origins",
            "forwarded_for",
            "forwarded_host",
            "forwarded_proto",
        )
    )


def test_a_browser_s_is_read_and_accepted() -> None:
    asked = parse_common_handshake(head(*BROWSER))
    assert asked is not None
    assert same(asked, ByLibrary(head(*BROWSER)).asked)
    assert ACCEPTED in asked.response()


def test_what_a_proxy_adds_is_read_too() -> None:
    lines = ("X-Forwarded-For: 192.0.2.1, 192.0.2.2", "X-Forwarded-Host: a", "X-Forwarded-Proto: b")
    asked = parse_common_handshake(head(*BROWSER, *lines))
    assert asked is not None
    assert asked.forwarded_for == ["192.0.2.1, 192.0.2.2"]
    assert (asked.forwarded_host, asked.forwarded_proto) == (["a"], ["b"])


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
    assert parse_common_handshake(data) is None


def test_the_longest_common_handshake_has_4096_bytes() -> None:
    short = len(changed("User-Agent", "User-Agent: "))
    longest = changed("User-Agent", "User-Agent: " + "x" * (4_096 - short))
    assert len(longest) == 4_096
    read = parse_common_handshake(longest)
    assert read is not None
    assert same(read, ByLibrary(longest).asked)
    longer = changed("User-Agent", "User-Agent: " + "x" * (4_097 - short))
    assert parse_common_handshake(longer) is None


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
    asked = parse_common_handshake(data)
    if asked is not None:
        library = ByLibrary(data)
        assert library.status == 101
        assert same(asked, library.asked)


@given(st.binary(min_size=16, max_size=16))
def test_every_key_a_client_can_make_is_usual(nonce: bytes) -> None:
    key = base64.b64encode(nonce).decode()
    assert (
        parse_common_handshake(changed("Sec-WebSocket-Key", f"Sec-WebSocket-Key: {key}"))
        is not None
    )


ALLOWED: Final = frozenset({"https://school.example"})


def asked(
    origin: str | None,
    host: str | None = "drops.example",
    *,
    forwarded_host: str = "",
    forwarded_proto: str = "",
) -> Handshake:
    origins = [] if origin is None else [origin]
    forwarded = [[text] if text else [] for text in (forwarded_host, forwarded_proto)]
    return Handshake("/v1/rooms/r1", host, origins, [], *forwarded)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "drops.example"),
        ("https://drops.example", "drops.example"),
        ("https://drops.example", "drops.example:443"),
        ("https://drops.example", "drops.example:80"),
        ("http://drops.example", "drops.example:80"),
        ("https://Drops.Example", "dROPS.example."),
        ("http://drops.example:8000", "drops.example:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
        ("https://school.example:443", "backend:8000"),
        ("HTTPS://SCHOOL.EXAMPLE/", "backend:8000"),
    ],
)
def test_origins_are_compared_as_browsers_mean_them(origin: str | None, host: str) -> None:
    assert is_from(asked(origin, host), ALLOWED)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://drops.example:8000", "drops.example"),
        ("http://drops.example", "drops.example:8000"),
        ("https://drops.example", "backend:8000"),
        ("https://school.example:8443", "drops.example"),
        ("http://[", "drops.example"),
        ("http://[::1", "[::1"),
        ("http://drops.example:99999", "drops.example:99999"),
        ("http://.", "."),
        ("http://" + "a" * 400, "a" * 400),
        ("ftp://drops.example", "drops.example"),
        ("null", "null"),
        ("", ""),
    ],
)
def test_others_are_foreign(origin: str, host: str) -> None:
    assert not is_from(asked(origin, host), ALLOWED)


def test_two_origins_are_nobody_s() -> None:
    both = Handshake("/", "a", ["http://a", "http://a"], [], [], [])
    assert not is_from(both, frozenset())


@pytest.mark.parametrize(
    ("forwarded", "is_ours"),
    [
        ({"forwarded_host": "drops.example"}, True),
        ({"forwarded_host": "drops.example:443", "forwarded_proto": "https"}, True),
        ({"forwarded_host": "drops.example, backend:8000", "forwarded_proto": "https, http"}, True),
        ({"forwarded_host": "other.example"}, False),
        ({"forwarded_host": "["}, False),
        ({}, False),
    ],
)
def test_a_trusted_proxy_says_what_was_asked_for(forwarded: dict[str, str], is_ours: bool) -> None:
    said = asked("https://drops.example", "backend:8000", **forwarded)
    assert is_from(said, frozenset(), by_proxy=True) is is_ours
    assert not is_from(said, frozenset())


def test_a_page_in_the_clear_is_not_ours_where_we_are_known_to_be_on_https() -> None:
    said = asked("http://drops.example", forwarded_proto="https")
    assert not is_from(said, frozenset(), by_proxy=True)
    assert is_from(
        asked("http://drops.example", forwarded_proto="http"), frozenset(), by_proxy=True
    )


@pytest.mark.parametrize("host", ["a", "a:1", "A.b-c_d", "10.0.0.1:8000", "[::1]", "a."])
def test_a_host_is_a_name_or_an_address(host: str) -> None:
    assert has_good_host(asked(None, host))


@pytest.mark.parametrize("host", [None, "", "[", "a b", "a/b", "a@b", "a:b", "a:99999", ".", "a,b"])
def test_anything_else_is_none(host: str | None) -> None:
    assert not has_good_host(asked(None, host))
