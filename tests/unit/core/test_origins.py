"""Origins and hosts as browsers write them."""

import pytest

from server.core.origins import (
    MAX_CHARS,
    Authority,
    Origin,
    is_own,
    read_authority,
    read_origin,
)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("school.example", "school.example", None),
        ("School.Example:8000", "school.example", 8000),
        ("school.example.", "school.example", None),
        ("school.example:", "school.example", None),
        ("school.example:65535", "school.example", 65_535),
        ("[::1]:443", "[::1]", 443),
    ],
)
def test_a_host_header_names_a_host_and_perhaps_a_port(
    text: str, host: str, port: int | None
) -> None:
    assert read_authority(text) == Authority(host, port)


@pytest.mark.parametrize("text", ["", ".", "a b", "host:65536", "host:port", "[::1", "a/b"])
def test_what_is_no_host_header_is_none(text: str) -> None:
    assert read_authority(text) is None


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://school.example", Origin("http", "school.example", 80)),
        ("HTTPS://School.Example/", Origin("https", "school.example", 443)),
        ("https://school.example:8443", Origin("https", "school.example", 8443)),
        ("http://[::1]:8000", Origin("http", "[::1]", 8000)),
    ],
)
def test_an_origin_has_the_port_of_its_scheme_where_it_names_none(
    text: str, origin: Origin
) -> None:
    assert read_origin(text) == origin


@pytest.mark.parametrize(
    "text", ["null", "", "ftp://school.example", "https://.", "https://a:65536", "https://a/b"]
)
def test_what_no_browser_writes_is_none(text: str) -> None:
    assert read_origin(text) is None


def test_a_host_has_at_most_255_characters() -> None:
    longest = "h" * 255
    assert read_authority(f"{longest}:65535") == Authority(longest, 65_535)
    assert read_origin(f"https://{longest}:8443/") == Origin("https", longest, 8443)
    for length in (256, MAX_CHARS + 1):
        assert read_authority("h" * length) is None
        assert read_origin("https://" + "h" * length) is None


@pytest.mark.parametrize(
    ("origin", "text"),
    [
        (Origin("https", "a", 443), "https://a"),
        (Origin("http", "a", 80), "http://a"),
        (Origin("https", "a", 80), "https://a:80"),
        (Origin("http", "a", 8000), "http://a:8000"),
    ],
)
def test_an_origin_is_written_without_the_default_port_of_its_scheme(
    origin: Origin, text: str
) -> None:
    assert origin.text == text


@pytest.mark.parametrize(
    ("origin", "served", "scheme", "is_ours"),
    [
        ("https://a", "a", None, True),
        ("https://a", "a:443", None, True),
        ("https://a", "a:80", None, True),  # a proxy ends TLS
        ("http://a", "a:443", None, True),
        ("https://a", "a:8000", None, False),
        ("https://a:8443", "a:8443", None, True),
        ("https://a:8443", "a", None, False),
        ("https://a:8443", "a:8000", None, False),
        ("https://a", "b", None, False),
        ("http://a", "a", "http", True),
        ("http://a", "a", "https", False),
        ("https://a", "a", "https", True),
        ("https://a", "a", "http", True),
        ("https://b", "a", "https", False),
    ],
)
def test_a_page_is_our_own_by_host_and_port_and_not_by_a_weaker_scheme(
    origin: str, served: str, scheme: str | None, is_ours: bool
) -> None:
    page, here = read_origin(origin), read_authority(served)
    assert page is not None
    assert here is not None
    assert is_own(page, here, scheme) is is_ours
