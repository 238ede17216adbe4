"""The readable page of an export."""

from server.core.students.export_page import page


def test_each_kind_of_record_is_a_table_under_its_title() -> None:
    shown = page("ann", "2026-12-02T00:00:00.000Z", {"coupons": [{"id": "cpn_1", "code": None}]})

    assert "优惠券 · Coupons (1)" in shown
    assert "<td>cpn_1</td><td></td>" in shown
    assert "2026-12-02T00:00:00.000Z" in shown


def test_what_people_wrote_cannot_become_markup() -> None:
    shown = page("<b>", "now", {"unheard_of": [{"note": "<script>1</script>"}]})

    assert "<script>" not in shown
    assert "<h2>unheard_of (1)</h2>" in shown


def test_nothing_kept_is_said() -> None:
    assert "Nothing is kept" in page("ann", "now", {"coupons": []})
