import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import structlog

from server.observability.logs import configure_logs, hide_in_logs, redacted
from server.observability.metrics import Metrics

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.q9Zr4Tn8Lm1Pb6Yc"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logs("web", stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def only_line(log: io.StringIO) -> dict[str, Any]:
    (line,) = log.getvalue().splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_log_line_says_when_what_and_who(log: io.StringIO) -> None:
    structlog.get_logger().info("web_up", port=8000)

    line = only_line(log)
    assert line["event"] == "web_up"
    assert (line["level"], line["role"], line["port"]) == ("info", "web", 8000)
    assert line["ts"].endswith("Z")
    assert isinstance(line["process_id"], int)


def test_library_logs_come_out_the_same_way(log: io.StringIO) -> None:
    logging.getLogger("some.library").warning("lost %s", "redis://u:hunter2@h/0")

    line = only_line(log)
    assert line["event"] == "lost redis://[redacted]@h/0"
    assert line["role"] == "web"


@pytest.mark.parametrize(
    "fields",
    [
        {"token": "abc-plain"},
        {"headers": {"Authorization": "Basic abc-plain"}},
        {"frames": [{"hello": {"access_token": "abc-plain"}}]},
        {"CLASSDROP_SECRET": b"abc-plain"},
        {"url": "http://h/rooms/demo#token=abc-plain"},
        {"url": "http://h/x?a=1&token=abc-plain&b=2"},
        {"header": "Bearer abc-plain"},
        {"header": "authorization: bearer abc-plain"},
        {"redis": "redis://user:abc-plain@h:6379/0"},
        {"nested": ["a", {"text": "see http://h/#token=abc-plain\n"}]},
    ],
)
def test_secret_of_any_shape_never_reaches_the_log(
    log: io.StringIO, fields: dict[str, object]
) -> None:
    structlog.get_logger().info("seen", **fields)

    assert "abc-plain" not in log.getvalue()
    assert "[redacted]" in log.getvalue()


@pytest.mark.parametrize("field", ["event", "note"])
def test_jwt_never_reaches_the_log(log: io.StringIO, field: str) -> None:
    structlog.get_logger().info(**{"event": "seen", field: f"got {TOKEN} from a client"})

    assert "eyJ" not in log.getvalue()
    assert "q9Zr4Tn8" not in log.getvalue()


def test_jwt_in_a_traceback_never_reaches_the_log(log: io.StringIO) -> None:
    try:
        raise ValueError(f"bad token {TOKEN}")
    except ValueError:
        structlog.get_logger().exception("broken")

    assert "ValueError" in log.getvalue()
    assert "eyJ" not in log.getvalue()


@pytest.fixture
def nothing_hidden_after() -> Iterator[None]:
    yield
    hide_in_logs([])


@pytest.mark.usefixtures("nothing_hidden_after")
@pytest.mark.parametrize(
    "password", ["p/w@1?#2", 'say "hi"', "back\\slash", "it's%25", "密码密码密码"]
)
def test_password_of_an_address_never_reaches_the_log_whatever_characters_it_holds(
    log: io.StringIO, password: str
) -> None:
    hide_in_logs([quote(password, safe="")])
    try:
        raise ValueError(f"invalid port: {password}", password)
    except ValueError:
        structlog.get_logger().exception("broken", text=f"redis://u:{password}@h", again=[password])

    spellings = (
        password,
        repr(password)[1:-1],
        json.dumps(password)[1:-1],
        quote(password, safe=""),
    )
    assert not [form for form in spellings if form in log.getvalue()]


@pytest.mark.parametrize("password", ["abc", "a/b", "a@b", "a:b?c#d"])
def test_password_of_any_address_is_hidden_up_to_its_last_at_sign(password: str) -> None:
    assert redacted(f"cannot reach redis://u:{password}@h:6379/0") == (
        "cannot reach redis://[redacted]@h:6379/0"
    )


def test_figures_named_after_tokens_stay_readable(log: io.StringIO) -> None:
    structlog.get_logger().info("made", tokens=3)

    assert only_line(log)["tokens"] == 3


def test_access_lines_are_off(log: io.StringIO) -> None:
    logging.getLogger("uvicorn.access").info("GET /v1/me/coupons")

    assert log.getvalue() == ""


def test_text_without_secrets_is_unchanged() -> None:
    assert redacted("https://h:8000/rooms/demo at 12:30") == "https://h:8000/rooms/demo at 12:30"


def test_metric_names_carry_our_name_and_base_units() -> None:
    for family in Metrics().registry.collect():
        assert family.name.startswith("classdrop_")
        assert not family.name.endswith(("_ms", "_milliseconds", "_kb"))
        assert family.documentation


def test_two_sets_of_metrics_do_not_know_each_other() -> None:
    one, other = Metrics(), Metrics()
    one.confirmed.inc()

    assert one.registry.get_sample_value("classdrop_confirmed_total") == 1
    assert other.registry.get_sample_value("classdrop_confirmed_total") == 0


def test_lines_for_people_are_short_and_hide_what_json_hides() -> None:
    stream = io.StringIO()
    configure_logs("web", stream, form="text")
    structlog.get_logger().info("web_up", port=8000, token="eyJhbGciOi.abc.def")
    structlog.get_logger().warning("weak_redis_accepted", reason="redis://u:pass@host")
    up, weak = stream.getvalue().splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d web     web_up port=8000 token=\[redacted\]", up)
    assert "WARNING weak_redis_accepted" in weak
    assert "pass" not in weak
