"""Many confirmations in one message: read by its lines as JSON reads it, and the older form as well."""

from string import ascii_letters, digits

import orjson
from hypothesis import given
from hypothesis import strategies as st

from server.desk.feed.feed_messages import Confirmation, dump_confirmations, load_confirmations

IDS = st.text(f"{ascii_letters}{digits}_.:-", min_size=1, max_size=64)
COUPONS = st.dictionaries(st.text(), st.text() | st.integers(0, 9)).map(orjson.dumps)
MANY = st.lists(st.builds(Confirmation, IDS, IDS, COUPONS))


def whole(told: list[Confirmation]) -> bytes:
    """Append what publish_confirmations.lua appends."""
    return dump_confirmations(told) + b'e1"}'


@given(MANY)
def test_what_is_told_is_what_is_heard(told: list[Confirmation]) -> None:
    assert load_confirmations(whole(told)) == ("e1", told)


@given(MANY)
def test_it_is_json_that_an_earlier_version_reads(told: list[Confirmation]) -> None:
    assert orjson.loads(whole(told)) == {
        "kind": "confirmed",
        "epoch": "e1",
        "claims": [[one.student, one.drop_id, orjson.loads(one.coupon)] for one in told],
    }


@given(MANY)
def test_an_earlier_version_is_heard(told: list[Confirmation]) -> None:
    claims = [[one.student, one.drop_id, orjson.Fragment(one.coupon)] for one in told]
    assert load_confirmations(orjson.dumps({"kind": "confirmed", "claims": claims})) == (None, told)


def test_whatever_else_is_told_is_not_taken_for_one() -> None:
    assert load_confirmations(b'{"kind":"lost","epoch":"e","offset":1,"claims":[]}') is None
