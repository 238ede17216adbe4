"""Every way to break the rules, byte by byte, against a web process as it is deployed: what comes back, that
the connection ends, that nothing of it reaches the log, and that a neighbour in the same room is served.

Each line of a table is one violation: its name, what is sent, what has to come back.
"""

from collections.abc import Iterator

import orjson
import pytest

from tests.support.clients.raw_socket import (
    BINARY,
    CLOSE,
    CONT,
    KEY,
    PING,
    PONG,
    TEXT,
    RawSocket,
    close,
    frame,
    handshake,
    raw_socket,
    says,
)
from tests.support.servers.shared_school import ROOM, School

CUT = None  # the connection ends without a word
CLAIM = '{"type":"claim","drop_id":"drp_1","request_id":"odd"}'

# --- the handshake: bytes -> status ------------------------------------------------------------

HANDSHAKES: dict[str, tuple[bytes, int | None]] = {
    "another method": (handshake("POST /v1/rooms/r1 HTTP/1.1"), 405),
    "a method nobody knows": (handshake("DROP /v1/rooms/r1 HTTP/1.1"), 400),
    "HEAD": (handshake("HEAD /v1/rooms/r1 HTTP/1.1"), 405),
    "HTTP 1.0": (handshake("GET /v1/rooms/r1 HTTP/1.0"), 505),
    "HTTP 0.9": (b"GET /v1/rooms/r1\r\n\r\n", 505),
    "HTTP 2 by guess": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP 9.9": (handshake("GET /v1/rooms/r1 HTTP/9.9"), 400),
    "TLS on a plain port": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), 400),
    "no key": (handshake(without=["Sec-WebSocket-Key"]), 400),
    "two keys": (handshake("GET /v1/rooms/r1 HTTP/1.1", f"Sec-WebSocket-Key: {KEY}"), 400),
    "a key that is no base64": (handshake(Sec_WebSocket_Key="!" * 24), 400),
    "a key of 15 bytes": (handshake(Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAA"), 400),
    "an empty key": (handshake(Sec_WebSocket_Key=""), 400),
    "version 8": (handshake(Sec_WebSocket_Version="8"), 426),
    "version 14": (handshake(Sec_WebSocket_Version="14"), 426),
    "two versions": (handshake("GET /v1/rooms/r1 HTTP/1.1", "Sec-WebSocket-Version: 13"), 426),
    "no version": (handshake(without=["Sec-WebSocket-Version"]), 426),
    # Plain requests, and no page is there.
    "no Upgrade": (handshake(without=["Upgrade"], Connection="close, upgrade"), 404),
    "Upgrade to something else": (handshake(Upgrade="h2c"), 404),
    "no Connection": (handshake(without=["Connection"]), 426),
    "Connection without upgrade": (handshake(Connection="keep-alive"), 426),
    "no subprotocol": (handshake(without=["Sec-WebSocket-Protocol"]), 400),
    "another subprotocol": (handshake(Sec_WebSocket_Protocol="classdrop.v9"), 400),
    "a subprotocol that is no token": (handshake(Sec_WebSocket_Protocol='"classdrop.v1'), 400),
    "no Host": (handshake(without=["Host"]), 400),
    "two Hosts": (handshake("GET /v1/rooms/r1 HTTP/1.1", "Host: b.example"), 400),
    "a foreign Origin": (handshake(Origin="https://evil.example"), 403),
    "Origin null": (handshake(Origin="null"), 403),
    "an empty Origin": (handshake(Origin=""), 403),
    "two Origins": (
        handshake("GET /v1/rooms/r1 HTTP/1.1", *["Origin: http://drops.example"] * 2),
        403,
    ),
    "another path": (handshake("GET /v2/rooms/r1 HTTP/1.1"), 404),
    "a room below a room": (handshake("GET /v1/rooms/r1/r2 HTTP/1.1"), 404),
    "no room": (handshake("GET /v1/rooms/ HTTP/1.1"), 404),
    "a room with a space": (handshake("GET /v1/rooms/a%20b HTTP/1.1"), 404),
    "a room of 65 characters": (handshake(f"GET /v1/rooms/{'r' * 65} HTTP/1.1"), 404),
    "a room beyond ASCII": (handshake("GET /v1/rooms/m\xe4th HTTP/1.1"), 400),
    "a room that climbs": (handshake("GET /v1/rooms/../../etc/passwd HTTP/1.1"), 404),
    "a whole URL": (handshake("GET http://drops.example/v1/rooms/r1 HTTP/1.1"), 404),
    "a path of 9 KB": (handshake(f"GET /v1/rooms/{'r' * 9_000} HTTP/1.1"), 414),
    "a path of 20 KB": (handshake(f"GET /v1/rooms/{'r' * 20_000} HTTP/1.1"), 414),
    "a header of 9 KB": (handshake(Cookie="x" * 9_000), 431),
    "a header of 20 KB": (handshake(Cookie="x" * 20_000), 431),
    "a header of 200 KB": (handshake(Cookie="x" * 200_000), 431),
    "200 headers": (handshake("GET /v1/rooms/r1 HTTP/1.1", *["A: b"] * 200), 431),
    "20,000 headers": (handshake("GET /v1/rooms/r1 HTTP/1.1", *["A: b"] * 20_000), 431),
    "headers without end": (handshake()[:-2] + b"A: b\r\n" * 20_000, 431),
    "a header line without end": (handshake()[:-2] + b"A: " + b"b" * 100_000, 431),
    "empty lines without end": (b"\r\n" * 50_000, 431),
    "a NUL in a header": (handshake(Cookie="a\0b"), 400),
    "a NUL in the path": (handshake("GET /v1/rooms/r\0 HTTP/1.1"), 404),
    "a DEL in a header's name": (handshake("GET /v1/rooms/r1 HTTP/1.1", "A\x7f: b"), 400),
    "a header without a colon": (handshake("GET /v1/rooms/r1 HTTP/1.1", "Nothing"), 400),
    "a header without a name": (handshake("GET /v1/rooms/r1 HTTP/1.1", ": b"), 400),
    "a space before the colon": (handshake("GET /v1/rooms/r1 HTTP/1.1", "A : b"), 400),
    "a folded header": (handshake("GET /v1/rooms/r1 HTTP/1.1", "A: b", " c"), 400),
    "bare LF": (handshake().replace(b"\r\n", b"\n"), 400),
    "one bare LF": (handshake().replace(b"\r\nUpgrade", b"\nUpgrade"), 400),
    "bare CR": (handshake().replace(b"\r\nUpgrade", b"\rUpgrade"), 400),
    "a body before the upgrade": (handshake(Content_Length="5") + b"hello", 400),
    "a body announced": (handshake(Content_Length="5"), 400),
    "a length that is no number": (handshake(Content_Length="five"), 400),
    "a chunked body": (handshake(Transfer_Encoding="chunked") + b"0\r\n\r\n", 400),
    "length and chunks": (handshake(Content_Length="3", Transfer_Encoding="chunked"), 400),
    "the end of another request": (b"\r\n\r\nhello\r\n\r\n" + handshake(), 400),
    "a proxy asked for": (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n", 400),
}

# --- frames of somebody who has joined: bytes -> close code ------------------------------------

LONG_REASON = b"r" * 124
FRAMES: dict[str, tuple[bytes, int]] = {
    "RSV1 without an extension (compressed)": (frame(CLAIM, rsv=4), 1002),
    "RSV2": (frame(CLAIM, rsv=2), 1002),
    "RSV3": (frame(CLAIM, rsv=1), 1002),
    "RSV1 on a ping": (frame(b"", PING, rsv=4), 1002),
    **{
        f"reserved opcode {opcode}": (frame(b"", opcode), 1002)
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    },
    "no mask": (frame(CLAIM, masked=False), 1002),
    "an empty frame without a mask": (frame(b"", masked=False), 1002),
    "a ping without a mask": (frame(b"", PING, masked=False), 1002),
    "a ping in pieces": (frame(b"", PING, fin=False), 1002),
    "a pong in pieces": (frame(b"", PONG, fin=False), 1002),
    "a close in pieces": (frame(b"\x03\xe8", CLOSE, fin=False), 1002),
    "a ping of 126 bytes": (frame(bytes(126), PING), 1002),
    "a pong of 126 bytes": (frame(bytes(126), PONG), 1002),
    "a close of 126 bytes": (close(1000, LONG_REASON), 1002),
    "a ping of 64 KB": (frame(bytes(65_536), PING), 1009),
    "a length beyond 63 bits": (frame(CLAIM, length=b"\xff" + b"\xff" * 8), 1009),
    "a length of 4 GB": (frame(CLAIM, length=b"\xff" + (1 << 32).to_bytes(8)), 1009),
    "a message of 4,097 bytes": (frame(b" " * 4_097), 1009),
    "a message of 1 MB": (frame(b" " * 1_000_000), 1009),
    "too much in two pieces": (frame(b" " * 4_000, fin=False) + frame(b" " * 97, CONT), 1009),
    "too much in many pieces": (
        frame(b" " * 200, fin=False) + frame(b" " * 200, CONT, fin=False) * 21,
        1009,
    ),
    "a continuation of nothing": (frame(CLAIM, CONT), 1002),
    "a continuation of a whole message": (frame("{}x"[:0], PONG) + frame(b"", CONT), 1002),
    "a new message within another": (frame(CLAIM[:9], fin=False) + frame(CLAIM), 1002),
    "bytes within a text": (frame(CLAIM[:9], fin=False) + frame(b"x", BINARY), 1002),
    "a close within a message": (frame(CLAIM[:9], fin=False) + close(1000), 1002),
    "bytes": (frame(b"\0\1", BINARY), 1003),
    "no bytes": (frame(b"", BINARY), 1003),
    "bytes in pieces": (frame(b"\0", BINARY, fin=False), 1003),
    "a close of one byte": (frame(b"\x03", CLOSE), 1002),
    **{
        f"a close with code {code}": (close(code), 1002)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2999, 5000, 65_535)
    },
    "a reason that is no UTF-8": (close(1000, b"\xc3\x28"), 1007),
    "a reason that is cut": (close(1000, b"\xe4\xbd"), 1007),
    # RFC 6455, section 5.5.1: nothing behind a close counts.
    "a claim behind a close": (close(1000) + frame(CLAIM), 1000),
    "rubbish behind a close": (close(4321, b"bye") + b"\xff" * 3_000, 4321),
    "a close without a code": (close(), 1005),
}

# --- texts that are none ----------------------------------------------------------------------

TEXTS: dict[str, tuple[bytes, int]] = {
    "Latin-1": (frame(b'{"type":"caf\xe9"}'), 1007),
    "a lone continuation byte": (frame(b'{"type":"\x80"}'), 1007),
    "a byte that never occurs": (frame(b'{"type":"\xff"}'), 1007),
    "an overlong slash": (frame(b'{"type":"\xc0\xaf"}'), 1007),
    "an overlong NUL": (frame(b'{"type":"\xc0\x80"}'), 1007),
    "an overlong euro": (frame(b'{"type":"\xf0\x82\x82\xac"}'), 1007),
    "half a pair": (frame(b'{"type":"\xed\xa0\x80"}'), 1007),
    "a pair": (frame(b'{"type":"\xed\xa0\xbd\xed\xb8\x80"}'), 1007),
    "beyond Unicode": (frame(b'{"type":"\xf4\x90\x80\x80"}'), 1007),
    "a cut character": (frame(b'{"type":"\xe4\xbd'), 1007),
    "a cut character in pieces": (
        frame(b'{"type":"\xe4', fin=False) + frame(b"\xbd", CONT, fin=False) + frame(b'"}', CONT),
        1007,
    ),
    "a wrong character in pieces": (
        frame(b'{"type":"\xc3', fin=False) + frame(b'\x28"}', CONT),
        1007,
    ),
    "UTF-16": (frame('{"type":"pong"}'.encode("utf-16")), 1007),
}

# --- frames of the protocol --------------------------------------------------------------------

MESSAGES: dict[str, tuple[bytes, int]] = {
    "an empty text": (frame(""), 4500),
    "no JSON": (frame("hello"), 4500),
    "half an object": (frame('{"type":"pong"'), 4500),
    "two objects": (frame('{"type":"pong"}{"type":"pong"}'), 4500),
    "a NUL behind it": (frame('{"type":"pong"}\0'), 4500),
    "a byte order mark": (frame('\ufeff{"type":"pong"}'), 4500),
    "NaN": (frame('{"type":NaN}'), 4500),
    "half a pair, escaped": (frame(r'{"type":"\ud800"}'), 4500),
    "nested 4,000 deep": (frame("[" * 4_000), 4500),
    "objects nested 600 deep": (frame('{"a":' * 600 + "1" + "}" * 600), 4500),
    "an array": (frame('[{"type":"pong"}]'), 4500),
    "a word": (frame('"claim"'), 4500),
    "a number": (frame("7"), 4500),
    "null": (frame("null"), 4500),
    "no type": (frame("{}"), 4500),
    "a type that is a number": (says(type=7), 4500),
    "a type that is a list": (says(type=["claim"]), 4500),
    "a claim without fields": (says(type="claim"), 4500),
    "a claim for a number": (says(type="claim", drop_id=7, request_id="r"), 4500),
    "a claim for an object": (says(type="claim", drop_id={}, request_id="r"), 4500),
    "a claim without a request id": (says(type="claim", drop_id="drp_1"), 4500),
    "a request id of 65": (says(type="claim", drop_id="drp_1", request_id="r" * 65), 4500),
    "an empty request id": (says(type="claim", drop_id="drp_1", request_id=""), 4500),
    "a request id with a quote": (says(type="claim", drop_id="drp_1", request_id='"'), 4500),
    "a drop that is a path": (says(type="claim", drop_id="../x", request_id="r"), 4500),
    "a drop in Chinese": (says(type="claim", drop_id="优惠", request_id="r"), 4500),
    "seen without a drop": (says(type="seen"), 4500),
    "seen with a list": (says(type="seen", drop_id=["drp_1"]), 4500),
    "a second hello": (says(type="hello", token="x.y.z"), 4500),
    "a hello without a token": (says(type="hello"), 4500),
    "pings without end": (frame(b"", PING) * 5_000, 4008),
    "pongs without end": (frame(b"", PONG) * 5_000, 4008),
    "big pings without end": (frame(bytes(125), PING) * 400, 4008),
    "pieces without end": (frame(b"", fin=False) + frame(b"", CONT, fin=False) * 5_000, 4008),
    "seen without end": (says(type="seen", drop_id="drp_1") * 500, 4008),
    "claims without end": (says(type="claim", drop_id="drp_no", request_id="r") * 500, 4008),
    "frames of tomorrow without end": (says(type="wave") * 500, 4008),
}

STRANGERS: dict[str, tuple[bytes, int]] = {
    "a claim before hello": (frame(CLAIM), 4500),
    "a pong before hello": (says(type="pong"), 4500),
    "something unknown before hello": (says(type="wave"), 4500),
    "no JSON before hello": (frame("hello"), 4500),
    "no UTF-8 before hello": (frame(b"\xff"), 1007),
    "bytes before hello": (frame(b"\0", BINARY), 1003),
    "no mask before hello": (frame("{}", masked=False), 1002),
    "too much before hello": (frame(b" " * 5_000), 1009),
    "a close before hello": (close(1000), 1000),
    "pings before hello": (frame(b"", PING) * 5_000, 4008),
    "a token that is a number": (says(type="hello", token=7), 4500),
    "a token that is none": (says(type="hello", token="x.y.z"), 4501),
    "an empty token": (says(type="hello", token=""), 4501),
    "a token of 3,500 characters": (says(type="hello", token="e" * 3_500), 4501),
    "a token with a NUL": (says(type="hello", token="a\0b.c.d"), 4501),
    "unsigned": (says(type="hello", token="eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ."), 4501),
    "a bad hello, and a claim at once": (says(type="hello", token="x.y.z") + frame(CLAIM), 4501),
    "a bad hello, and a claim and a close": (
        says(type="hello", token="x.y.z") + frame(CLAIM) + close(1000),
        4501,
    ),
}

# --- what looks odd and is right: a claim behind it is answered --------------------------------

HARMLESS: dict[str, bytes] = {
    "unknown fields": says(type="pong", mood="sunny", deep={"er": [1, 2]}),
    "an unknown type": says(type="wave", how="wildly"),
    "an empty ping": frame(b"", PING),
    "a ping of 125 bytes": frame(bytes(125), PING),
    "a pong nobody asked for": frame(b"unasked", PONG),
    "a message in pieces": frame('{"type":', fin=False) + frame('"pong"}', CONT),
    "empty pieces": frame(b"", fin=False)
    + frame(b"", CONT, fin=False)
    + frame('{"type":"a"}', CONT),
    "a ping between pieces": (
        frame('{"type":', fin=False) + frame(b"", PING) + frame('"pong"}', CONT)
    ),
    "a character cut by pieces": (
        frame('{"type":"优"}'.encode()[:10], fin=False) + frame('{"type":"优"}'.encode()[10:], CONT)
    ),
    "exactly 4,096 bytes": frame('{"type":"' + "x" * 4_085 + '"}'),
    "white space": frame(' \r\n\t{ "type" : "pong" } '),
    "the same field twice": frame('{"type":"claim","type":"pong"}'),
    # Longer than it need be, and harmless: the library reads what it says, and so do we.
    "a length of 2 bytes for 15": frame('{"type":"pong"}', length=b"\xfe\x00\x0f"),
    "a length of 8 bytes for 15": frame('{"type":"pong"}', length=b"\xff" + (15).to_bytes(8)),
}

ODD_HANDSHAKES: dict[str, bytes] = {
    "names in capitals": handshake().replace(b"Upgrade: ", b"UPGRADE: "),
    "values in capitals": handshake(Upgrade="WebSocket", Connection="UPGRADE"),
    "Connection with more": handshake(Connection="keep-alive, Upgrade"),
    "several subprotocols": handshake(Sec_WebSocket_Protocol="chat, classdrop.v1"),
    "extensions that nobody agrees on": handshake(
        Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits, x-unknown"
    ),
    "a query": handshake("GET /v1/rooms/r1?x=1&token=none HTTP/1.1"),
    "a body of no bytes": handshake(Content_Length="0"),
    "spaces around a value": handshake(Upgrade="  websocket  "),
    "an empty line first": b"\r\n" + handshake(),
    "a header beyond ASCII": handshake(Cookie="caf\xe9"),
}


# --- the tests ---------------------------------------------------------------------------------


@pytest.fixture
def stranger(school: School) -> Iterator[RawSocket]:
    """Connected, nothing said yet."""
    with raw_socket(school.web.port) as raw:
        yield raw


@pytest.fixture
def member(school: School, stranger: RawSocket) -> RawSocket:
    stranger.join(school.token())
    return stranger


def cases(table: dict[str, tuple[bytes, int]]) -> pytest.MarkDecorator:
    rows = [pytest.param(sent, code, id=name) for name, (sent, code) in table.items()]
    return pytest.mark.parametrize(("sent", "code"), rows)


def test_the_tables_are_no_smaller_than_they_look() -> None:
    tables = (HANDSHAKES, FRAMES, TEXTS, MESSAGES, STRANGERS)
    assert sum(len(table) for table in tables) > 150


@pytest.mark.parametrize(
    ("sent", "status"),
    [pytest.param(sent, status, id=name) for name, (sent, status) in HANDSHAKES.items()],
)
def test_a_wrong_handshake_is_refused(
    school: School, stranger: RawSocket, sent: bytes, status: int | None
) -> None:
    stranger.send(sent)
    stranger.hear_out()

    assert (stranger.status, stranger.is_over) == (status, True)
    if status == 426:
        assert b"\r\nsec-websocket-version: 13" in stranger.head.lower() or b"upgrade: " in (
            stranger.head.lower()
        )
    school.assert_well()


@pytest.mark.parametrize("sent", ODD_HANDSHAKES.values(), ids=ODD_HANDSHAKES)
@pytest.mark.parametrize("size", [100_000, 40, 1], ids=["whole", "in pieces", "byte by byte"])
def test_an_odd_handshake_is_a_handshake(
    school: School, stranger: RawSocket, sent: bytes, size: int
) -> None:
    for start in range(0, len(sent), size):
        stranger.send(sent[start : start + size])
    stranger.hear_head()
    stranger.send(says(type="hello", token=school.token()))

    assert stranger.hear("welcome")["room"] == ROOM


@pytest.mark.parametrize("pieces", [1, 2])
def test_what_is_sent_right_behind_a_handshake_is_heard(
    school: School, stranger: RawSocket, pieces: int
) -> None:
    """A client should wait for our answer, and it costs nothing to listen to one who does not."""
    sent = handshake() + says(type="hello", token=school.token())
    if pieces == 2:
        stranger.send(sent[:30])
    stranger.send(sent[30 * (pieces - 1) :])
    stranger.hear_head()

    assert stranger.hear("welcome")["room"] == ROOM


def test_a_socket_may_follow_a_request_on_the_same_connection(
    school: School, stranger: RawSocket
) -> None:
    """Reuse a connection, as a proxy does that keeps its connections."""
    stranger.send(b"HEAD /livez HTTP/1.1\r\nHost: drops.example\r\n\r\n")
    stranger.hear_head()
    assert stranger.status == 200
    stranger.send(handshake())
    stranger.hear_head()
    stranger.send(says(type="hello", token=school.token()))

    assert stranger.hear("welcome")["room"] == ROOM


@cases(FRAMES)
def test_a_wrong_frame_ends_the_socket(
    school: School, member: RawSocket, sent: bytes, code: int
) -> None:
    member.send(sent)
    member.hear_out()

    assert (member.code, member.is_over) == (code, True)
    school.assert_well()


@cases(TEXTS)
def test_what_is_no_utf8_ends_the_socket(
    school: School, member: RawSocket, sent: bytes, code: int
) -> None:
    member.send(sent)
    member.hear_out()

    assert (member.code, member.texts[-1]["code"]) == (code, "not_utf8")
    school.assert_well()


@cases(MESSAGES)
def test_a_wrong_message_ends_the_socket(
    school: School, member: RawSocket, sent: bytes, code: int
) -> None:
    """An `error` says why before the close."""
    member.send(sent)
    member.hear_out()

    word = {4500: "invalid_frame", 4008: "rate_limited"}[code]
    assert (member.code, member.texts[-1]["code"], member.is_over) == (code, word, True)
    school.assert_well()


@cases(STRANGERS)
def test_a_stranger_who_breaks_the_rules_is_sent_away(
    school: School, stranger: RawSocket, sent: bytes, code: int
) -> None:
    stranger.send(handshake())
    stranger.hear_head()
    stranger.send(sent)
    if code == 4501:  # told politely: it is expected to answer
        stranger.hear("error")
        stranger.send(close(4501))
    stranger.hear_out()

    assert (stranger.code, stranger.is_over) == (code, True)
    assert not any(text["type"] == "welcome" for text in stranger.texts)
    school.assert_well()


@pytest.mark.parametrize("sent", HARMLESS.values(), ids=HARMLESS)
@pytest.mark.parametrize("size", [100_000, 1], ids=["whole", "byte by byte"])
def test_what_only_looks_wrong_is_served(member: RawSocket, sent: bytes, size: int) -> None:
    for start in range(0, len(sent), size):
        member.send(sent[start : start + size])
    member.send(frame(CLAIM, TEXT))

    assert member.hear("claim_result")["outcome"] == "won"


def test_a_refusal_is_text_that_names_no_file_of_ours(stranger: RawSocket) -> None:
    stranger.send(handshake(Sec_WebSocket_Key="short"))
    stranger.hear_out()

    assert stranger.status == 400
    assert b"Traceback" not in bytes(stranger._bytes)
    assert b".py" not in bytes(stranger._bytes)


def test_json_of_an_error_is_the_protocol_s(member: RawSocket) -> None:
    member.send(frame("no json"))
    member.hear_out()

    assert orjson.dumps(member.texts[-1]).startswith(b'{"type":"error","code":"invalid_frame"')
