import pytest

from server.core.identity import Role
from server.core.students.find import Found, FoundKind, kind_of_id, may_see


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("cpn_0123", FoundKind.COUPON),
        ("clm_0123", FoundKind.COUPON),
        ("rdm_0123", FoundKind.ORDER),
        ("bat_0123", FoundKind.BATCH),
        ("cpn_", None),
        ("cpn", None),
        ("xyz_0123", None),
        ("student_1", None),
    ],
)
def test_an_id_tells_its_kind(text: str, kind: FoundKind | None) -> None:
    assert kind_of_id(text) is kind


def test_each_role_is_led_to_what_it_may_see() -> None:
    anns = Found(FoundKind.COUPON, "cpn_1", student="ann", code="A")
    nobodys = Found(FoundKind.COUPON, "cpn_2", code="B")
    webhook = Found(FoundKind.WEBHOOK, "whk_1")
    seen = {
        role: [may_see(role, each) for each in (anns, nobodys, webhook)]
        for role in (Role.OPERATOR, Role.FINANCE, Role.SUPPORT)
    }

    assert seen == {
        Role.OPERATOR: [True, True, True],
        Role.FINANCE: [True, False, True],
        Role.SUPPORT: [True, False, False],
    }
