import pytest
from starlette.datastructures import MutableHeaders

from server.api.http.security_headers import SecurityPolicy

SCHOOL = "https://school.example"
POLICY = SecurityPolicy("https://drops.example", (SCHOOL,))


def _headers(path: str, origin: str | None = None, **own: str) -> MutableHeaders:
    headers = MutableHeaders(own)
    POLICY.complete(headers, path, origin)
    return headers


def _directive(headers: MutableHeaders, name: str) -> str:
    directives = headers["content-security-policy"].split("; ")
    return next(each for each in directives if each.startswith(name))


@pytest.mark.parametrize("path", ["/v1/templates", "/nowhere", "/livez", "/docs"])
def test_every_answer_forbids_sniffing_framing_and_referrers(path: str) -> None:
    headers = _headers(path)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "geolocation=()" in headers["permissions-policy"]
    assert _directive(headers, "default-src") == "default-src 'self'"
    assert _directive(headers, "frame-ancestors") == "frame-ancestors 'none'"


def test_pages_connect_to_our_own_sockets_only() -> None:
    connect = _directive(_headers("/rooms/r"), "connect-src")
    assert connect == "connect-src 'self' wss://drops.example"


def test_embeds_are_framed_by_allowed_origins() -> None:
    headers = _headers("/embed/rooms/r")
    assert _directive(headers, "frame-ancestors") == f"frame-ancestors 'self' {SCHOOL}"
    assert headers["cross-origin-resource-policy"] == "cross-origin"


def test_no_scripts_or_styles_in_line() -> None:
    assert "unsafe" not in _headers("/rooms/r")["content-security-policy"]


def test_answers_of_the_api_are_not_kept() -> None:
    assert _headers("/v1/me/coupons")["cache-control"] == "no-store"
    assert "cache-control" not in _headers("/static/room/student.css")


def test_https_stays_https() -> None:
    assert "strict-transport-security" in _headers("/")
    local = MutableHeaders()
    SecurityPolicy("http://127.0.0.1:8000", ()).complete(local, "/", None)
    assert "strict-transport-security" not in local


def test_an_answers_own_policy_stays() -> None:
    headers = _headers("/docs", None, **{"content-security-policy": "default-src 'none'"})
    assert headers["content-security-policy"] == "default-src 'none'"


def test_an_allowed_origin_may_read() -> None:
    headers = _headers("/v1/quotes", SCHOOL)
    assert headers["access-control-allow-origin"] == SCHOOL
    assert "ETag" in headers["access-control-expose-headers"]
    assert "Origin" in headers["vary"]


@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", SCHOOL + ".evil.example", SCHOOL.upper()]
)
def test_other_origins_may_not(origin: str | None) -> None:
    headers = _headers("/v1/quotes", origin)
    assert "access-control-allow-origin" not in headers
    assert "Origin" in headers["vary"]


def test_what_is_for_everybody_stays_for_everybody() -> None:
    headers = _headers("/sdk/index.js", SCHOOL, **{"access-control-allow-origin": "*"})
    assert headers.getlist("access-control-allow-origin") == ["*"]
