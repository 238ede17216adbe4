import pytest

from server.core import media_types
from server.core.media_types import media_type_fault


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        'application/json; charset="utf-8"',
        "application/json; charset=utf8",
        "application/problem+json",
        "application/vnd.school.v1+json; charset=utf-8; profile=x",
    ],
)
def test_every_media_type_of_json_is_accepted(content_type: str) -> None:
    assert media_type_fault(content_type, None) is None


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "json",
        "text/plain",
        "text/json",
        "application/jsonp",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "image/svg+json",
        "application/json; charset=gbk",
        "application/json; charset=utf-16",
        "application/json, text/plain",
        "application/jsön",
        "application/json; charset*=gbk''utf",
    ],
)
def test_another_media_type_is_refused_with_what_to_send(content_type: str) -> None:
    assert "application/json" in (media_type_fault(content_type, None) or "")


def test_a_body_without_a_type_is_refused_with_what_to_send() -> None:
    assert "application/json" in (media_type_fault(None, None) or "")


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "deflate", "gzip, identity", "x"])
def test_a_compressed_body_is_not_read(encoding: str) -> None:
    assert "Content-Encoding" in (media_type_fault("application/json", encoding) or "")


@pytest.mark.parametrize("encoding", [None, "", "identity", " Identity "])
def test_the_encoding_identity_is_accepted(encoding: str | None) -> None:
    assert media_type_fault("application/json", encoding) is None


@pytest.mark.parametrize(
    ("content_type", "content_encoding", "is_taken"),
    [
        ("text/csv", None, True),
        ("text/csv; charset=gbk", "identity", True),
        (media_types.XLSX, None, True),
        ("application/vnd.ms-excel", None, True),
        ("application/octet-stream", None, True),
        (None, None, True),
        ("application/json", None, False),
        ("multipart/form-data; boundary=x", None, False),
        ("text/csv", "gzip", False),
    ],
)
def test_a_file_of_a_table_is_one_by_its_headers(
    content_type: str | None, content_encoding: str | None, is_taken: bool
) -> None:
    assert (media_types.table_type_fault(content_type, content_encoding) is None) is is_taken


def test_a_charset_is_named_in_small_letters() -> None:
    assert media_types.charset_of("text/csv; charset=GBK") == "gbk"
    assert media_types.charset_of("text/csv") is None
    assert media_types.charset_of(None) is None
