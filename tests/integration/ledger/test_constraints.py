"""Every constraint of tables/, attacked by SQL: the ledger keeps its promises without our code.

Each test does what the constraint allows right up to the edge, then one step beyond it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from sqlalchemy import Table, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger import tables as t
from server.ledger.engine import Ledger
from tests.support.builders.ledger_rows import NOW, UNITS, add, add_claim, add_drop

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def conn(uncommitted_ledger: Ledger) -> AsyncIterator[AsyncConnection]:
    """One open drop, in a transaction that is rolled back."""
    async with uncommitted_ledger.engine.connect() as connection:
        await add_drop(connection)
        yield connection


@asynccontextmanager
async def refused(conn: AsyncConnection, by: str) -> AsyncIterator[None]:
    """The body breaks this constraint, and no other. PostgreSQL names what was broken; SQLite does
    so for checks only, and there the same schema stands behind it.
    """
    with pytest.raises(IntegrityError) as refusal:
        async with conn.begin_nested():
            yield
    assert by in str(refusal.value) or conn.dialect.name == "sqlite"


async def refuses_row(conn: AsyncConnection, by: str, table: Table, **columns: object) -> None:
    async with refused(conn, by):
        await add(conn, table, **columns)


async def refuses_claim(conn: AsyncConnection, by: str, number: int, **columns: object) -> None:
    async with refused(conn, by):
        await add_claim(conn, number, **columns)


async def refuses_change(conn: AsyncConnection, by: str, table: Table, **columns: object) -> None:
    async with refused(conn, by):
        await conn.execute(update(table).values(**columns))


async def change(conn: AsyncConnection, table: Table, **columns: object) -> None:
    await conn.execute(update(table).values(**columns))


class TestUnits:
    """I1: a drop of N units never has more than N live claims."""

    async def test_the_last_unit_of_an_allotment_is_the_last(self, conn: AsyncConnection) -> None:
        await add_claim(conn, UNITS)
        await refuses_claim(conn, "ck_claims_unit_in_allotment", UNITS + 1)

    async def test_there_is_no_unit_before_the_first(self, conn: AsyncConnection) -> None:
        await refuses_claim(conn, "ck_claims_unit_in_allotment", 0)

    async def test_a_claim_cannot_stretch_its_allotment(self, conn: AsyncConnection) -> None:
        await refuses_claim(conn, "fk_claims_allotment", UNITS + 1, allotment_last=UNITS + 1)

    async def test_a_claim_cannot_use_the_allotment_of_another_drop(
        self, conn: AsyncConnection
    ) -> None:
        await add(conn, t.drops, id="drp_2")
        await add(conn, t.allotments, id="alt_2", drop_id="drp_2", first=11, last=20)
        await refuses_claim(
            conn,
            "fk_claims_allotment",
            11,
            allotment_id="alt_2",
            allotment_first=11,
            allotment_last=20,
        )

    async def test_a_unit_has_one_live_owner(self, conn: AsyncConnection) -> None:
        await add_claim(conn, 1)
        await refuses_claim(conn, "uq_claims_live_unit", 2, unit=1)

    @pytest.mark.parametrize("state", ["released", "revoked"])
    async def test_a_unit_that_came_back_has_a_new_owner(
        self, conn: AsyncConnection, state: str
    ) -> None:
        await add_claim(conn, 1, state=state)
        await add_claim(conn, 2, unit=1)
        await refuses_claim(conn, "uq_claims_live_unit", 3, unit=1)

    async def test_a_released_claim_cannot_come_alive_on_a_unit_given_away(
        self, conn: AsyncConnection
    ) -> None:
        await add_claim(conn, 1, state="released")
        await add_claim(conn, 2, unit=1)
        await refuses_change(conn, "uq_claims_live_unit", t.claims, state="live")

    async def test_an_allotment_has_units(self, conn: AsyncConnection) -> None:
        await refuses_row(
            conn, "ck_allotments_range_not_empty", t.allotments, id="alt_2", first=12, last=11
        )
        await refuses_row(
            conn, "ck_allotments_range_not_empty", t.allotments, id="alt_2", first=0, last=11
        )

    async def test_two_allotments_do_not_begin_with_the_same_unit(
        self, conn: AsyncConnection
    ) -> None:
        await add(conn, t.allotments, id="alt_2", first=11, last=20)
        await refuses_row(
            conn, "uq_allotments_drop_id_first", t.allotments, id="alt_3", first=11, last=30
        )

    async def test_an_allotment_that_is_claimed_from_stays_as_it_is(
        self, conn: AsyncConnection
    ) -> None:
        await add_claim(conn, 1)
        await refuses_change(conn, "fk_claims_allotment", t.allotments, last=UNITS + 1)


class TestStudents:
    """I2: nobody has more of a drop or a batch than allowed."""

    async def test_one_claim_a_drop(self, conn: AsyncConnection) -> None:
        await add_claim(conn, 1)
        await refuses_claim(conn, "uq_claims_drop_student", 2, student="s1", slot=2)

    async def test_a_released_claim_of_a_drop_still_counts(self, conn: AsyncConnection) -> None:
        await add_claim(conn, 1, state="released")
        await refuses_claim(conn, "uq_claims_drop_student", 2, student="s1", slot=2)

    async def test_a_revoked_claim_of_a_drop_does_not(self, conn: AsyncConnection) -> None:
        await add_claim(conn, 1, state="revoked")
        await add_claim(conn, 2, student="s1")

    async def test_a_slot_of_the_batch_is_used_once(self, conn: AsyncConnection) -> None:
        await self._second_drop(conn)
        await add_claim(conn, 1)
        await refuses_claim(conn, "uq_claims_student_slot", 2, **self._IN_SECOND, student="s1")

    async def test_the_next_slot_is_free_until_per_student(self, conn: AsyncConnection) -> None:
        await self._second_drop(conn)
        await add_claim(conn, 1)
        await add_claim(conn, 2, **self._IN_SECOND, student="s1", slot=2)

    async def test_a_released_slot_stays_used(self, conn: AsyncConnection) -> None:
        await self._second_drop(conn)
        await add_claim(conn, 1, state="released")
        await refuses_claim(conn, "uq_claims_student_slot", 2, **self._IN_SECOND, student="s1")

    async def test_a_revoked_slot_is_free(self, conn: AsyncConnection) -> None:
        await self._second_drop(conn)
        await add_claim(conn, 1, state="revoked")
        await add_claim(conn, 2, **self._IN_SECOND, student="s1")

    async def test_there_is_no_slot_beyond_per_student(self, conn: AsyncConnection) -> None:
        await refuses_claim(conn, "ck_claims_slot_within_limit", 1, slot=3)
        await refuses_claim(conn, "ck_claims_slot_within_limit", 1, slot=0)

    async def test_a_claim_cannot_raise_the_limit(self, conn: AsyncConnection) -> None:
        await refuses_claim(conn, "fk_claims_batch", 1, slot=3, per_student=3)

    async def test_a_drop_cannot_raise_the_limit(self, conn: AsyncConnection) -> None:
        await refuses_row(conn, "fk_drops_batch_id", t.drops, id="drp_2", per_student=3)

    async def test_the_limit_of_a_claimed_batch_is_fixed(self, conn: AsyncConnection) -> None:
        await add_claim(conn, 1)
        await refuses_change(conn, "fk_", t.batches, per_student=3)

    async def test_a_claim_is_written_once(self, conn: AsyncConnection) -> None:
        await add_claim(conn, 1)
        await refuses_claim(conn, "pk_claims", 2, id="clm_1")

    _IN_SECOND = {  # noqa: RUF012 - read only
        "drop_id": "drp_2",
        "allotment_id": "alt_2",
        "unit": 1,
    }

    async def _second_drop(self, conn: AsyncConnection) -> None:
        await add(conn, t.drops, id="drp_2")
        await add(conn, t.allotments, id="alt_2", drop_id="drp_2")


class TestStock:
    """I1 where several drops share a batch; I6 on the drop's row."""

    async def test_a_batch_is_never_allotted_beyond_its_quantity(
        self, conn: AsyncConnection
    ) -> None:
        await change(conn, t.batches, allotted=100)
        await refuses_change(conn, "ck_batches_allotted_within_quantity", t.batches, allotted=101)

    async def test_an_unlimited_batch_has_no_edge(self, conn: AsyncConnection) -> None:
        await change(conn, t.batches, quantity=None, allotted=1_000_000)

    async def test_a_quantity_cannot_fall_below_what_is_allotted(
        self, conn: AsyncConnection
    ) -> None:
        await change(conn, t.batches, quantity=UNITS)
        await refuses_change(
            conn, "ck_batches_allotted_within_quantity", t.batches, quantity=UNITS - 1
        )

    async def test_a_room_is_never_allotted_beyond_its_share(self, conn: AsyncConnection) -> None:
        await change(conn, t.batch_rooms, allotted=40)
        await refuses_change(
            conn, "ck_batch_rooms_allotted_within_share", t.batch_rooms, allotted=41
        )

    @pytest.mark.parametrize("table", [t.batches, t.batch_rooms])
    async def test_no_more_comes_back_than_was_allotted(
        self, conn: AsyncConnection, table: Table
    ) -> None:
        await change(conn, table, allotted=0)
        await refuses_change(conn, "allotted_not_negative", table, allotted=-1)

    async def test_a_room_has_one_share(self, conn: AsyncConnection) -> None:
        await refuses_row(conn, "pk_batch_rooms", t.batch_rooms, quantity=1, allotted=0)

    async def test_a_batch_has_units_or_no_limit(self, conn: AsyncConnection) -> None:
        await refuses_row(
            conn, "ck_batches_quantity_positive", t.batches, id="bat_2", quantity=0, allotted=0
        )

    async def test_a_batch_gives_everybody_at_least_one(self, conn: AsyncConnection) -> None:
        await refuses_row(
            conn, "ck_batches_per_student_positive", t.batches, id="bat_2", per_student=0
        )

    async def test_a_drop_has_units(self, conn: AsyncConnection) -> None:
        await refuses_row(conn, "ck_drops_quantity_positive", t.drops, id="drp_2", quantity=0)

    async def test_a_drop_returns_at_most_what_it_had(self, conn: AsyncConnection) -> None:
        await change(conn, t.drops, returned=UNITS)
        await refuses_change(conn, "ck_drops_returned_within_quantity", t.drops, returned=UNITS + 1)
        await refuses_change(conn, "ck_drops_returned_within_quantity", t.drops, returned=-1)


class TestCoupons:
    async def test_a_code_is_unique(self, conn: AsyncConnection) -> None:
        await add_claim(conn, 1)
        await add_claim(conn, 2)
        await add(conn, t.coupons)
        await refuses_row(conn, "uq_coupons_code", t.coupons, id="cpn_2", claim_id="clm_2")

    async def test_a_claim_has_one_coupon(self, conn: AsyncConnection) -> None:
        await add_claim(conn, 1)
        await add(conn, t.coupons)
        await refuses_row(conn, "uq_coupons_claim_id", t.coupons, id="cpn_2", code="CODE-2")

    async def test_coupons_without_a_claim_are_many(self, conn: AsyncConnection) -> None:
        for number in (1, 2):
            coupon = {"id": f"cpn_{number}", "code": f"CODE-{number}", "source": "list"}
            await add(conn, t.coupons, **coupon, claim_id=None, drop_id=None)

    async def test_a_coupon_has_a_time_in_which_it_can_be_used(self, conn: AsyncConnection) -> None:
        await add_claim(conn, 1)
        await refuses_row(conn, "ck_coupons_window_not_empty", t.coupons, valid_until=NOW)

    @pytest.mark.parametrize("state", ["locked", "redeemed"])
    async def test_a_taken_coupon_is_on_an_order(self, conn: AsyncConnection, state: str) -> None:
        await add_claim(conn, 1)
        await refuses_row(conn, "ck_coupons_order_iff_taken", t.coupons, state=state)

    @pytest.mark.parametrize("state", ["usable", "released", "revoked", "voided"])
    async def test_any_other_coupon_is_on_none(self, conn: AsyncConnection, state: str) -> None:
        await add_claim(conn, 1)
        await add(conn, t.redemptions)
        await refuses_row(
            conn, "ck_coupons_order_iff_taken", t.coupons, state=state, redemption_id="rdm_1"
        )


class TestRedemptions:
    """I7 as far as a row can see it."""

    async def test_what_is_paid_and_what_is_taken_off_add_up(self, conn: AsyncConnection) -> None:
        await refuses_row(conn, "ck_redemptions_parts_add_up", t.redemptions, payable=4001)

    async def test_nothing_is_taken_off_below_zero(self, conn: AsyncConnection) -> None:
        await add(conn, t.redemptions, discount=5000, payable=0)
        await refuses_row(
            conn,
            "ck_redemptions_parts_add_up",
            t.redemptions,
            id="rdm_2",
            order_id="2",
            discount=5001,
            payable=-1,
        )
        await refuses_row(
            conn,
            "ck_redemptions_parts_add_up",
            t.redemptions,
            id="rdm_2",
            order_id="2",
            discount=-1,
            payable=5001,
        )

    async def test_an_order_is_redeemed_once(self, conn: AsyncConnection) -> None:
        await add(conn, t.redemptions)
        await refuses_row(conn, "uq_redemptions_order_id", t.redemptions, id="rdm_2")

    async def test_a_lock_is_cancelled_once(self, conn: AsyncConnection) -> None:
        await add(conn, t.redemptions)
        await add(conn, t.cancelled_locks)
        await add(conn, t.cancelled_locks, version=2)
        await refuses_row(conn, "pk_cancelled_locks", t.cancelled_locks, cancelled_at=NOW + 1)

    async def test_a_coupon_is_on_an_order_once(self, conn: AsyncConnection) -> None:
        await add_claim(conn, 1)
        await add(conn, t.redemptions)
        await add(conn, t.coupons)
        await add(conn, t.redemption_coupons)
        await refuses_row(conn, "pk_redemption_coupons", t.redemption_coupons, position=2)

    async def test_no_coupon_adds_to_the_price(self, conn: AsyncConnection) -> None:
        await add_claim(conn, 1)
        await add(conn, t.redemptions)
        await add(conn, t.coupons)
        await refuses_row(
            conn, "ck_redemption_coupons_discount_not_negative", t.redemption_coupons, discount=-1
        )


class TestRefunds:
    """I7: what is refunded never exceeds what was paid."""

    @pytest.mark.parametrize(
        ("name", "columns"),
        [
            ("ck_refunds_refunded_not_negative", {"refunded": -1}),
            ("ck_refunds_total_within_payable", {"total": 4001}),
            ("ck_refunds_total_within_payable", {"total": 999}),
        ],
    )
    async def test_no_refund_goes_beyond_what_was_paid(
        self, conn: AsyncConnection, name: str, columns: dict[str, object]
    ) -> None:
        await add(conn, t.redemptions)
        await refuses_row(conn, name, t.refunds, **columns)

    @pytest.mark.parametrize(
        ("name", "column", "value"),
        [
            ("pk_refunds", "refund_id", "r2"),
            ("uq_refunds_redemption_id_refund_id", "number", 2),
        ],
    )
    async def test_a_refund_has_its_own_number_and_id(
        self, conn: AsyncConnection, name: str, column: str, value: object
    ) -> None:
        await add(conn, t.redemptions)
        await add(conn, t.refunds)
        await refuses_row(conn, name, t.refunds, **{column: value})

    @pytest.mark.parametrize(
        ("name", "columns"),
        [
            ("ck_refunded_lines_refunded_within_payable", {"refunded": 4001}),
            ("ck_refunded_lines_refunded_within_payable", {"refunded": -1}),
            ("ck_refunded_lines_returned_within_quantity", {"returned": 3}),
        ],
    )
    async def test_no_line_pays_back_more_than_it_cost(
        self, conn: AsyncConnection, name: str, columns: dict[str, object]
    ) -> None:
        await add(conn, t.redemptions)
        await refuses_row(conn, name, t.refunded_lines, **columns)

    async def test_a_line_is_counted_once(self, conn: AsyncConnection) -> None:
        await add(conn, t.redemptions)
        await add(conn, t.refunded_lines)
        await refuses_row(conn, "pk_refunded_lines", t.refunded_lines, refunded=0)


async def test_uses_are_counted_once_and_never_below_nothing(conn: AsyncConnection) -> None:
    await add(conn, t.template_uses)
    await refuses_row(conn, "pk_template_uses", t.template_uses)
    await refuses_row(
        conn, "ck_template_uses_uses_not_negative", t.template_uses, student="s2", uses=-1
    )


@pytest.mark.parametrize("table", [t.drops, t.claims, t.coupons, t.redemptions, t.rebates])
async def test_a_state_is_one_of_the_known_ones(conn: AsyncConnection, table: Table) -> None:
    if table in (t.claims, t.coupons, t.rebates):
        await add_claim(conn, 1)
    if table is t.rebates:
        await add(conn, t.coupons)
        await add(conn, t.redemptions)
    if table not in (t.drops, t.claims):
        await add(conn, table)
    await refuses_change(conn, "state_known", table, state="lost")


@pytest.mark.parametrize(
    ("table", "column"),
    [
        (t.template_versions, "template_id"),
        (t.batches, "template_id"),
        (t.batch_rooms, "batch_id"),
        (t.drops, "batch_id"),
        (t.allotments, "drop_id"),
        (t.intents, "drop_id"),
        (t.code_runs, "batch_id"),
        (t.claims, "batch_id"),
        (t.claims, "drop_id"),
        (t.claims, "allotment_id"),
        (t.coupons, "batch_id"),
        (t.coupons, "template_id"),
        (t.coupons, "claim_id"),
        (t.coupons, "drop_id"),
        (t.coupons, "redemption_id"),
        (t.redemption_coupons, "redemption_id"),
        (t.redemption_coupons, "coupon_id"),
        (t.rebates, "redemption_id"),
        (t.rebates, "coupon_id"),
        (t.balance_entries, "redemption_id"),
        (t.coupon_moves, "coupon_id"),
        (t.coupon_moves, "redemption_id"),
        (t.cancelled_locks, "redemption_id"),
        (t.refunds, "redemption_id"),
        (t.refunded_lines, "redemption_id"),
        (t.template_uses, "template_id"),
    ],
)
async def test_nothing_belongs_to_what_is_not_there(
    conn: AsyncConnection, table: Table, column: str
) -> None:
    await add_claim(conn, 1)
    await add(conn, t.redemptions)
    coupon = {"state": "locked", "redemption_id": "rdm_1"}
    others = (t.redemption_coupons, t.intents, t.rebates, t.code_runs)
    for other, columns in ((t.coupons, coupon), *((other, {}) for other in others)):
        await add(conn, other, **columns)
    if table in (
        t.coupon_moves,
        t.balance_entries,
        t.cancelled_locks,
    ):  # its rows are not changed at all
        await refuses_row(conn, "fk_", table, **{column: "xxx_nobody"})
        return
    for other in (t.refunds, t.refunded_lines, t.template_uses):
        await add(conn, other)

    await refuses_change(conn, "fk_", table, **{column: "xxx_nobody"})


class TestCampaigns:
    """A budget is never one over, a student never has more of a campaign than it allows."""

    @pytest_asyncio.fixture
    async def campaign(self, conn: AsyncConnection) -> AsyncConnection:
        for table in (t.campaigns, t.campaign_budgets):
            await add(conn, table)
        for number in (1, 2):
            await add_claim(conn, number)
        return conn

    async def test_it_begins_before_it_ends(self, campaign: AsyncConnection) -> None:
        await refuses_change(campaign, "ck_campaigns_window_not_empty", t.campaigns, ends_at=NOW)

    async def test_it_gives_everybody_at_least_one(self, campaign: AsyncConnection) -> None:
        await refuses_change(
            campaign, "ck_campaigns_per_student_positive", t.campaigns, per_student=0
        )

    async def test_the_parts_of_a_budget_are_all_of_it(self, campaign: AsyncConnection) -> None:
        by = "ck_campaign_budgets_parts_add_up"
        await change(campaign, t.campaign_budgets, free=0, exposed=900)
        for columns in ({"free": 1}, {"exposed": 901}, {"settled": 99}):
            await refuses_change(campaign, by, t.campaign_budgets, **columns)

    async def test_there_is_one_budget_of_each_kind(self, campaign: AsyncConnection) -> None:
        await add(campaign, t.campaign_budgets, kind="pieces")
        await refuses_row(campaign, "pk_campaign_budgets", t.campaign_budgets)
        await refuses_row(
            campaign, "ck_campaign_budgets_kind_known", t.campaign_budgets, kind="hours"
        )

    async def test_a_level_is_told_once(self, campaign: AsyncConnection) -> None:
        await add(campaign, t.campaign_warnings)
        await refuses_row(campaign, "pk_campaign_warnings", t.campaign_warnings)
        await refuses_row(campaign, "fk_", t.campaign_warnings, kind="pieces")

    async def test_a_slot_of_it_is_one_claims(self, campaign: AsyncConnection) -> None:
        await add(campaign, t.campaign_claims)
        await refuses_row(
            campaign, "uq_campaign_claims_claim_id", t.campaign_claims, student="s2", slot=2
        )
        second = {"claim_id": "clm_2"}
        await refuses_row(campaign, "pk_campaign_claims", t.campaign_claims, **second)
        await refuses_row(
            campaign, "ck_campaign_claims_slot_within_limit", t.campaign_claims, **second, slot=3
        )
        await refuses_row(campaign, "fk_", t.campaign_claims, **second, slot=2, per_student=3)
        await add(campaign, t.campaign_claims, **second, slot=2)

    async def test_a_slot_of_it_is_one_claims_or_one_codes(self, campaign: AsyncConnection) -> None:
        await add(campaign, t.coupons)
        code = {"claim_id": None, "coupon_id": "cpn_1"}
        await add(campaign, t.campaign_claims, **code)
        await refuses_row(campaign, "pk_campaign_claims", t.campaign_claims)
        await refuses_row(
            campaign, "uq_campaign_claims_coupon_id", t.campaign_claims, **code, slot=2
        )
        by = "ck_campaign_claims_claim_or_code"
        await refuses_row(campaign, by, t.campaign_claims, claim_id=None, slot=2)
        await refuses_row(campaign, by, t.campaign_claims, coupon_id="cpn_1", slot=2)
        await refuses_row(
            campaign, "fk_", t.campaign_claims, claim_id=None, coupon_id="cpn_none", slot=2
        )


class TestBalances:
    @pytest_asyncio.fixture
    async def order(self, conn: AsyncConnection) -> AsyncConnection:
        """Insert a paid order with an earned rebate of 500."""
        await add_claim(conn, 1)
        await add(conn, t.coupons)
        await add(conn, t.redemptions)
        await add(conn, t.rebates)
        return conn

    async def test_an_order_earns_a_rebate_once(self, order: AsyncConnection) -> None:
        await refuses_row(order, "uq_rebates_redemption_id_coupon_id", t.rebates, id="rbt_2")

    async def test_a_rebate_is_worth_something(self, order: AsyncConnection) -> None:
        await refuses_change(order, "ck_rebates_amount_positive", t.rebates, amount=0)

    async def test_no_more_of_it_is_taken_back(self, order: AsyncConnection) -> None:
        await change(order, t.rebates, taken_back=500)
        for amount in (501, -1):
            await refuses_change(
                order, "ck_rebates_taken_back_within_amount", t.rebates, taken_back=amount
            )

    async def test_a_student_has_one_balance_a_currency(self, order: AsyncConnection) -> None:
        await add(order, t.balances)
        await add(order, t.balances, currency="USD")
        await refuses_row(order, "pk_balances", t.balances, amount=1)

    async def test_an_entry_moves_something(self, order: AsyncConnection) -> None:
        by = "ck_balance_entries_amount_not_zero"
        await refuses_row(order, by, t.balance_entries, amount=0)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        (t.acts, "at"),
        (t.coupon_moves, "at"),
        (t.balance_entries, "at"),
        (t.cancelled_locks, "cancelled_at"),
    ],
)
async def test_what_is_on_record_is_never_changed(
    conn: AsyncConnection, table: Table, column: str
) -> None:
    await add_claim(conn, 1)
    await add(conn, t.coupons)
    await add(conn, t.redemptions)
    await add(conn, table)

    await refuses_change(conn, "append-only", table, **{column: NOW + 1})
    async with refused(conn, "append-only"):
        await conn.execute(delete(table))


class TestCodes:
    """Bound codes count for the same limit, and a run never makes more codes than were requested."""

    async def test_a_slot_is_used_once_by_claims_and_codes_together(
        self, conn: AsyncConnection
    ) -> None:
        code = {"id": "cpn_2", "code": "OTHER", "claim_id": None, "drop_id": None}
        await add_claim(conn, 1)
        await add(conn, t.coupons, slot=1)
        await add(conn, t.coupons, **code | {"id": "cpn_3", "code": "NOBODYS"}, student=None)
        await refuses_row(conn, "uq_coupons_student_slot", t.coupons, **code, slot=1)
        await add(conn, t.coupons, **code, slot=2)

    async def test_what_was_revoked_gives_its_slot_back(self, conn: AsyncConnection) -> None:
        code = {"id": "cpn_2", "code": "OTHER", "claim_id": None, "drop_id": None}
        await add_claim(conn, 1)
        await add(conn, t.coupons, slot=1, state="revoked")
        await add(conn, t.coupons, **code, slot=1)

    async def test_a_run_makes_as_many_as_were_asked_for(self, conn: AsyncConnection) -> None:
        await add(conn, t.code_runs, made=5)
        await refuses_change(conn, "ck_code_runs_made_within_quantity", t.code_runs, made=6)
        await refuses_change(conn, "ck_code_runs_made_within_quantity", t.code_runs, made=-1)

    async def test_a_run_is_of_something_and_says_for_what(self, conn: AsyncConnection) -> None:
        await refuses_row(conn, "ck_code_runs_quantity_positive", t.code_runs, quantity=0)
        await refuses_row(conn, "ck_code_runs_source_known", t.code_runs, source="claim")


async def test_an_idempotency_key_is_kept_once(conn: AsyncConnection) -> None:
    await add(conn, t.idempotency_keys)
    await add(conn, t.idempotency_keys, path="/v1/templates")
    await refuses_row(conn, "pk_idempotency_keys", t.idempotency_keys, body_hash="other")


async def test_a_version_of_a_template_is_written_once(conn: AsyncConnection) -> None:
    await refuses_row(conn, "pk_template_versions", t.template_versions)


async def test_every_table_has_been_attacked_or_has_nothing_to_break() -> None:
    """A table added later has to be thought of here."""
    attacked = {
        *("templates", "template_versions", "batches", "batch_rooms", "drops", "allotments"),
        *("claims", "coupons", "redemptions", "redemption_coupons", "intents"),
        *("idempotency_keys", "acts", "coupon_moves", "balances", "rebates", "balance_entries"),
        *("template_uses", "refunds", "refunded_lines", "code_runs", "cancelled_locks"),
        *("campaigns", "campaign_budgets", "campaign_warnings", "campaign_claims"),
    }
    bare = {"dead_letters", "desks", "stops"}

    assert set(t.metadata.tables) == attacked | bare


async def test_the_transaction_of_these_tests_can_be_used_after_a_refusal(
    conn: AsyncConnection,
) -> None:
    """Else every second step above would pass for the wrong reason."""
    await refuses_claim(conn, "ck_claims_unit_in_allotment", UNITS + 1)
    await add_claim(conn, 1)

    assert (await conn.execute(select(t.claims.c.id))).scalars().all() == ["clm_1"]
