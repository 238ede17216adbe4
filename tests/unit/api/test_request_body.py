import pytest

from server.api.http import request_body
from server.core.refusals import Code, Refused


def _errors(body: bytes) -> list[dict[str, str]]:
    refused = request_body.decode(body)
    assert isinstance(refused, Refused)
    assert refused.code is Code.INVALID_FIELD
    errors = refused.facts["errors"]
    assert isinstance(errors, list)
    return errors


def test_json_is_decoded() -> None:
    assert request_body.decode(b'{"a": [1, "b", null]}') == {"a": [1, "b", None]}


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"a": NaN}', b'"\x00"', b"\xff", b'"\\ud800"', b"[" * 5000]
)
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    assert _errors(body) == [{"field": "", "code": "malformed"}]


def test_32_levels_are_accepted() -> None:
    assert not isinstance(request_body.decode(b"[" * 32 + b"]" * 32), Refused)


@pytest.mark.parametrize("body", [b"[" * 33 + b"]" * 33, b'{"a":' * 33 + b"1" + b"}" * 33])
def test_33_levels_are_too_deep(body: bytes) -> None:
    assert _errors(body) == [{"field": "", "code": "too_deep"}]


def test_nul_character_names_the_field_it_is_in() -> None:
    body = b'{"order": {"lines": [{}, {"id": "a\\u0000b"}]}}'
    assert _errors(body) == [{"field": "order.lines.1.id", "code": "bad_character"}]


def test_nul_character_in_a_key_is_refused() -> None:
    assert _errors(b'{"metadata": {"a\\u0000": "b"}}')[0]["code"] == "bad_character"


def test_the_text_backslash_u0000_is_no_nul_character() -> None:
    assert request_body.decode(b'"\\\\u0000"') == "\\u0000"


def test_field_of_a_hostile_key_is_cut() -> None:
    body = b'{"' + b"k" * 50_000 + b'": "\\u0000"}'
    assert len(_errors(body)[0]["field"]) == request_body.MAX_FIELD_CHARS


def test_same_json_has_the_same_hash_however_it_is_written() -> None:
    one, two = request_body.decode(b'{"a":1,"b":2}'), request_body.decode(b'{ "b" : 2, "a" : 1 }')
    assert not isinstance(one, Refused)
    assert not isinstance(two, Refused)
    assert request_body.body_hash(one) == request_body.body_hash(two)


def test_other_json_has_another_hash() -> None:
    assert request_body.body_hash({"a": 1}) != request_body.body_hash({"a": "1"})
