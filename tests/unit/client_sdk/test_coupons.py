"""A coupon as a change: only what is known of it is said."""

from typing import Any, cast

import pytest

from client_sdk.python.coupons import change_of


@pytest.mark.parametrize(
    ("coupon", "drop_id", "fields"),
    [
        ({"id": "cpn_1"}, None, {"coupon_id": "cpn_1", "state": "usable"}),
        (
            {"id": "cpn_1", "use_by": "2026-03-01T09:00:00.000Z"},
            "drp_1",
            {
                "coupon_id": "cpn_1",
                "drop_id": "drp_1",
                "use_by": "2026-03-01T09:00:00.000Z",
                "state": "usable",
            },
        ),
    ],
)
def test_a_coupon_as_a_change(
    coupon: dict[str, Any], drop_id: str | None, fields: dict[str, Any]
) -> None:
    assert change_of(cast(Any, coupon), drop_id) == fields
