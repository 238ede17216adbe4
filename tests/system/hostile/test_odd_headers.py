"""Odd values in every header that is read, in one piece, in two and byte by byte, to a socket's path and to
HTTP paths: nothing is left counted that is not open, and nothing of it is a traceback in the log.
"""

import urllib.request

import pytest

from tests.support.clients.raw_socket import handshake, raw_socket
from tests.support.eventually import eventually
from tests.support.servers.shared_school import School

pytestmark = pytest.mark.asyncio

# Each has made some reader of such a header raise somewhere.
ODD = (
    "http://[",
    "http://[::1",
    "https://[v1.x]",
    "http://a:99999999",
    "http://a:b",
    "[",
    "]",
    "[::1",
    ":",
    "a:\u00b2",
    "\u00b2",
    "\xff\xfe",
    "%",
    "%zz",
    "9" * 5_000,
    "-1",
    "1e9",
    "0x10",
    ",",
    ";=,",
    '"',
    "\t",
    "null",
    "a" * 300,
    "ey.ey.ey",
    "Bearer \xff",
    "Bearer " + "." * 200,
    "chunked, chunked",
    "permessage-deflate; server_max_window_bits=99999999999",
    "permessage-deflate; =",
    "1.2.3.4:99999999, [::1",
    "for=[;proto==;",
)
HEADERS = (
    *("Origin", "Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"),
    *("Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Sec-WebSocket-Accept"),
    *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "Forwarded"),
    *("Content-Length", "Transfer-Encoding", "Authorization", "Cookie", "Accept-Language"),
    *("If-Match", "If-None-Match", "Idempotency-Key", "Accept", "Accept-Encoding", "Expect"),
    *("Content-Type", "Range", "TE", "Trailer"),
)
SOCKET = "/v1/rooms/r1"
PAGES = ("/rooms/r1", "/static/room/student.js", "/v1/rooms/r1/snapshot", "/metrics")


def requests_with(header: str, value: str) -> list[bytes]:
    """Return requests with this header to the socket's path and to one HTTP path."""
    changed = {header.replace("-", "_"): value.encode().decode("latin-1")}
    page = PAGES[len(value) % len(PAGES)]
    plain = {"Host": "drops.example", **{header: value.encode().decode("latin-1")}}
    lines = "".join(f"{name}: {text}\r\n" for name, text in plain.items())
    return [
        handshake(f"GET {SOCKET} HTTP/1.1", **changed),
        f"GET {page} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode("latin-1"),
    ]


def cut(data: bytes, how: str) -> list[bytes]:
    if how == "bytes":
        return [bytes([byte]) for byte in data]
    half = len(data) // 2
    return [data] if how == "whole" else [data[:half], data[half:]]


def figures(school: School, name: str) -> list[str]:
    """The lines of one metric."""
    with urllib.request.urlopen(f"{school.web.url}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return [line for line in lines if line.startswith(f"classdrop_{name}")]


def sockets_counted(school: School) -> float:
    (line,) = figures(school, "ws_connections")
    return float(line.rpartition(" ")[2])


@pytest.mark.parametrize("how", ["whole", "halves", "bytes"])
@pytest.mark.parametrize("header", HEADERS)
async def test_nothing_that_a_stranger_writes_outlives_its_socket(
    school: School, header: str, how: str
) -> None:
    odd = ODD if how != "bytes" else tuple(value for value in ODD if len(value) < 16)
    for value in odd:
        for request in requests_with(header, value):
            with raw_socket(school.web.port) as stranger:
                for piece in cut(request, how):
                    stranger.send(piece)
                stranger.tcp.shutdown(1)
                stranger.hear_head()
                assert (
                    stranger.status is None
                    or stranger.status < 500
                    or stranger.status in (501, 505)
                )
    assert "Traceback" not in school.web.errors
    assert "exception" not in school.web.errors


async def test_the_log_says_why_a_page_was_turned_away_but_not_each_time(school: School) -> None:
    before = school.web.errors.count('"handshake_refused"')
    for _ in range(50):
        with raw_socket(school.web.port) as stranger:
            stranger.send(handshake(Origin="https://evil.example"))
            stranger.hear_out()
            assert stranger.status == 403
    assert school.web.errors.count('"handshake_refused"') - before <= 7
    line = next(
        line for line in school.web.errors.splitlines() if '"reason":"foreign_origin"' in line
    )
    assert '"host":"drops.example"' in line
    await eventually(
        lambda: [line for line in figures(school, "ws_refused") if "foreign_origin" in line]
    )


async def test_what_is_counted_is_what_is_open(school: School) -> None:
    """Check the gauge after all tests above."""
    with raw_socket(school.web.port) as good:
        good.join(school.token())
        await eventually(lambda: sockets_counted(school) == 1)
    await eventually(lambda: sockets_counted(school) == 0)
    school.assert_well()
