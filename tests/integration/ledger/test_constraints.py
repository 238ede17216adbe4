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
        await refuses_row(
            campaign, "fk_", t.campaign_claims, **second, slot=2, campaign_id="cmp_no"
        )
        await add(campaign, t.campaign_claims, **second, slot=2)

    async def test_a_claim_keeps_the_limit_that_it_was_won_by(
        self, campaign: AsyncConnection
    ) -> None:
        await add(campaign, t.campaign_claims, slot=2, per_student=2)
        await change(campaign, t.campaigns, per_student=1)
        second = {"claim_id": "clm_2", "student": "s2"}
        await add(campaign, t.campaign_claims, **second, slot=2, per_student=2)

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


class TestIssuances:
    """A student has one item of an issuance, with one outcome, and one coupon for each part (I10)."""

    async def test_a_student_has_one_item(self, conn: AsyncConnection) -> None:
        await add(conn, t.issuances)
        await add(conn, t.issuance_items)
        await add(conn, t.issuance_items, student="s2")
        await refuses_row(conn, "pk_issuance_items", t.issuance_items, outcome=None)

    async def test_an_outcome_is_a_known_one_and_has_its_time(self, conn: AsyncConnection) -> None:
        await add(conn, t.issuances)
        await add(conn, t.issuance_items, outcome="issued", decided_at=NOW)
        known, timed = (f"ck_issuance_items_{name}" for name in _OF_AN_ITEM)
        await refuses_change(conn, known, t.issuance_items, outcome="given")
        await refuses_change(conn, timed, t.issuance_items, outcome=None)
        await refuses_change(conn, timed, t.issuance_items, decided_at=None)

    async def test_a_coupon_of_it_is_there_once(self, conn: AsyncConnection) -> None:
        without = {"claim_id": None, "drop_id": None, "issuance_id": "iss_1", "part": 1}
        without |= {"issued_to": "s1"}
        second = {**without, "id": "cpn_2", "code": "CODE-2"}
        await add(conn, t.coupons, **without, slot=1)
        await refuses_row(conn, "uq_coupons_issuance_id", t.coupons, **second, slot=2)
        await add(conn, t.coupons, **{**second, "part": 2}, slot=2)

    async def test_its_counts_stay_within_who_was_asked(self, conn: AsyncConnection) -> None:
        await add(conn, t.issuances, issued=1, held_out=1)
        within = "ck_issuances_decided_within_asked"
        await refuses_change(conn, within, t.issuances, refused=1)
        await change(conn, t.issuances, taken_back=1)
        for count in (2, -1):
            by = "ck_issuances_taken_back_within_issued"
            await refuses_change(conn, by, t.issuances, taken_back=count)
        for percent in (101, -1):
            by = "ck_issuances_hold_out_percent"
            await refuses_change(conn, by, t.issuances, hold_out_percent=percent)
        await refuses_change(conn, "ck_issuances_state_known", t.issuances, state="paused")

    async def test_it_gives_a_batch_or_a_pack(self, conn: AsyncConnection) -> None:
        by = "ck_issuances_batch_or_pack"
        await refuses_row(conn, by, t.issuances, pack_id="pck_1")
        await refuses_row(conn, by, t.issuances, batch_id=None)
        await add(conn, t.issuances, batch_id=None, pack_id="pck_1")

    async def test_a_recurring_one_starts_once_at_a_time(self, conn: AsyncConnection) -> None:
        await add(conn, t.issuances)
        await add(conn, t.issuances, id="iss_2", parent_id="iss_1")
        await refuses_row(
            conn, "uq_issuances_parent_id", t.issuances, id="iss_3", parent_id="iss_1"
        )


_OF_AN_ITEM = ("outcome_known", "decided_iff_outcome")


class TestMessagesAndJobs:
    """A message is stored once, a job ends once, and a name has one pseudonym."""

    async def test_a_message_is_stored_once(self, conn: AsyncConnection) -> None:
        await add(conn, t.messages)
        await refuses_row(conn, "uq_messages_once", t.messages, id="msg_2")
        await add(conn, t.messages, id="msg_2", once="msg_2")

    async def test_a_message_has_a_known_state_a_channel_and_a_life(
        self, conn: AsyncConnection
    ) -> None:
        await add(conn, t.messages)
        await refuses_change(conn, "ck_messages_state_known", t.messages, state="lost")
        await refuses_change(conn, "ck_messages_channel_known", t.messages, channel="pigeon")
        await refuses_change(conn, "ck_messages_life_not_negative", t.messages, expires_at=NOW - 1)

    async def test_a_job_is_over_exactly_when_it_says_since_when(
        self, conn: AsyncConnection
    ) -> None:
        await add(conn, t.jobs)
        await refuses_change(conn, "ck_jobs_state_known", t.jobs, state="lost")
        await refuses_change(conn, "ck_jobs_done_at_iff_over", t.jobs, state="done")
        await refuses_change(conn, "ck_jobs_done_at_iff_over", t.jobs, done_at=NOW)
        await change(conn, t.jobs, state="done", done_at=NOW)

    async def test_a_file_belongs_to_a_job_and_goes_with_it(self, conn: AsyncConnection) -> None:
        await refuses_row(conn, "fk_job_files_job_id_jobs", t.job_files)
        await add(conn, t.jobs)
        await add(conn, t.job_files)
        await refuses_row(conn, "pk_job_files", t.job_files)
        await conn.execute(delete(t.jobs))
        assert (await conn.execute(select(t.job_files.c.number))).all() == []

    async def test_a_pseudonym_stands_for_one_student(self, conn: AsyncConnection) -> None:
        await add(conn, t.erasures)
        await refuses_row(conn, "uq_erasures_pseudonym", t.erasures, id="era_2")

    async def test_an_open_erasure_changes_names_and_nothing_else(
        self, conn: AsyncConnection
    ) -> None:
        await add(conn, t.acts)
        await add(conn, t.balance_entries, redemption_id=None)
        await add(conn, t.erasures, done_at=None)
        await change(conn, t.acts, subject="erased:1", actor="erased:2", detail={})
        await change(conn, t.balance_entries, student="erased:1")
        await refuses_change(conn, "append-only", t.acts, subject="s1", at=NOW + 1)
        await refuses_change(conn, "append-only", t.balance_entries, amount=7)
        for table in (t.acts, t.balance_entries):
            async with refused(conn, "append-only"):
                await conn.execute(delete(table))
        await change(conn, t.erasures, done_at=NOW)
        await refuses_change(conn, "append-only", t.acts, subject="s1")


async def test_an_idempotency_key_is_kept_once(conn: AsyncConnection) -> None:
    await add(conn, t.idempotency_keys)
    await add(conn, t.idempotency_keys, path="/v1/templates")
    await refuses_row(conn, "pk_idempotency_keys", t.idempotency_keys, body_hash="other")


class TestAccess:
    async def test_one_rule_of_a_value_is_in_force(self, conn: AsyncConnection) -> None:
        await add(conn, t.access_rules)
        await refuses_row(conn, "uq_access_rules_in_force", t.access_rules, id="blk_2")
        await add(conn, t.access_rules, id="blk_2", kind="tag")
        await change(conn, t.access_rules, ended_at=NOW, ended_by="op")
        await add(conn, t.access_rules, id="blk_3")

    async def test_a_rule_is_ended_by_somebody(self, conn: AsyncConnection) -> None:
        by = "ck_access_rules_ended_by_somebody"
        await refuses_row(conn, by, t.access_rules, ended_at=NOW)
        await refuses_row(conn, by, t.access_rules, ended_by="op")

    async def test_a_subject_is_watched_once(self, conn: AsyncConnection) -> None:
        await add(conn, t.watched)
        await refuses_row(conn, "uq_watched_kind", t.watched, id="wch_2")

    async def test_wrong_codes_of_an_hour_are_one_row(self, conn: AsyncConnection) -> None:
        await add(conn, t.wrong_codes)
        await refuses_row(conn, "pk_wrong_codes", t.wrong_codes, count=2)


class TestStudentsAndAudiences:
    """A student, a fact and an event are one row each; a version of an audience says who in one way."""

    @pytest.mark.parametrize(
        "table",
        [
            t.students,
            t.student_tags,
            t.student_facts,
            t.student_events,
            t.student_days,
            t.student_interests,
        ],
        ids=lambda table: str(table.name),
    )
    async def test_each_is_one_row(self, conn: AsyncConnection, table: Table) -> None:
        await add(conn, table)
        await refuses_row(conn, f"pk_{table.name}", table)

    async def test_a_count_of_lessons_is_not_negative(self, conn: AsyncConnection) -> None:
        await add(conn, t.students)
        await refuses_change(conn, "ck_students_lessons_not_negative", t.students, lessons_done=-1)

    async def test_a_list_has_a_member_once(self, conn: AsyncConnection) -> None:
        await add(conn, t.audience_lists)
        await refuses_row(conn, "pk_audience_lists", t.audience_lists)
        await add(conn, t.audience_members)
        await refuses_row(conn, "pk_audience_members", t.audience_members, student="s2")
        by = "uq_audience_members_list_id_student"
        await refuses_row(conn, by, t.audience_members, position=1)
        by = "fk_audience_members_list_id_audience_lists"
        await refuses_row(conn, by, t.audience_members, list_id="lst_no")

    async def test_a_version_is_of_one_kind(self, conn: AsyncConnection) -> None:
        await add(conn, t.audiences)
        await refuses_row(conn, "pk_audiences", t.audiences)
        await add(conn, t.audience_versions)
        await refuses_row(conn, "pk_audience_versions", t.audience_versions)
        breaks: dict[str, dict[str, object]] = {
            "kind_known": {"kind": "all", "tag": None},
            "tag_iff_tag": {"tag": None},
            "rule_iff_rule": {"rule": {"all": []}},
            "size_iff_list": {"size": 1},
        }
        for name, columns in breaks.items():
            by = f"ck_audience_versions_{name}"
            await refuses_change(conn, by, t.audience_versions, **columns)


class TestTriggers:
    """Each event fires a trigger once, and each firing of a student has its number."""

    async def test_an_event_and_a_number_are_there_once(self, conn: AsyncConnection) -> None:
        await add(conn, t.issuances)
        await add(conn, t.triggers)
        await add(conn, t.trigger_firings)
        same_event, same_number = {"student": "s2"}, {"event_id": "evt_2"}
        await refuses_row(conn, "pk_trigger_firings", t.trigger_firings, **same_event)
        by = "uq_trigger_firings_trigger_id_student_n"
        await refuses_row(conn, by, t.trigger_firings, **same_number)
        await add(conn, t.trigger_firings, **same_number, n=2)

    async def test_states_versions_and_days(self, conn: AsyncConnection) -> None:
        await add(conn, t.triggers)
        await refuses_row(conn, "pk_triggers", t.triggers)
        await refuses_change(conn, "ck_triggers_state_known", t.triggers, state="on")
        await add(conn, t.trigger_versions)
        await refuses_row(conn, "pk_trigger_versions", t.trigger_versions)
        await add(conn, t.trigger_days)
        await refuses_row(conn, "pk_trigger_days", t.trigger_days)


class TestLotteries:
    """No prize is won more often than there are of it, and a student's spins have numbers of their own."""

    async def test_no_prize_is_won_more_often_than_it_has(self, conn: AsyncConnection) -> None:
        await add(conn, t.lotteries)
        await refuses_row(conn, "pk_lotteries", t.lotteries)
        await refuses_change(conn, "ck_lotteries_state_known", t.lotteries, state="on")
        await refuses_change(conn, "ck_lotteries_ended_at_iff_ended", t.lotteries, ended_at=1)
        await add(conn, t.lottery_prizes)
        await refuses_row(conn, "pk_lottery_prizes", t.lottery_prizes)
        await refuses_change(conn, "ck_lottery_prizes_won_not_negative", t.lottery_prizes, won=-1)
        await refuses_change(conn, "ck_lottery_prizes_won_within_quantity", t.lottery_prizes, won=2)
        await add(conn, t.lottery_prize_days)
        await refuses_row(conn, "pk_lottery_prize_days", t.lottery_prize_days)
        by = "ck_lottery_prize_days_won_"
        await refuses_change(conn, f"{by}not_negative", t.lottery_prize_days, won=-1)
        await refuses_change(conn, f"{by}within_per_day", t.lottery_prize_days, won=2)

    async def test_a_request_and_a_number_are_there_once(self, conn: AsyncConnection) -> None:
        await add(conn, t.lotteries)
        await add(conn, t.lottery_days)
        await refuses_row(conn, "pk_lottery_days", t.lottery_days)
        await add(conn, t.lottery_spins)
        spins, other = t.lottery_spins, {"id": "spn_2"}
        await refuses_row(conn, "pk_lottery_spins", spins, request_id="r2", n=2)
        by = "uq_lottery_spins_lottery_id_student_"
        await refuses_row(conn, f"{by}request_id", spins, **other, n=2)
        await refuses_row(conn, f"{by}n", spins, **other, request_id="r2")
        await add(conn, spins, **other, request_id="r2", n=2)

    async def test_a_spin_has_what_its_outcome_says(self, conn: AsyncConnection) -> None:
        await add(conn, t.lotteries)
        await add(conn, t.lottery_spins)
        breaks: dict[str, dict[str, object]] = {
            "outcome_known": {"outcome": "lost"},
            "n_iff_spun": {"outcome": "not_open"},
            "coupon_iff_won": {"outcome": "won"},
            "number_iff_spun": {"drawn": None},
            "number_in_range": {"number": 1_000_000},
        }
        for name, columns in breaks.items():
            await refuses_change(conn, f"ck_lottery_spins_{name}", t.lottery_spins, **columns)


class TestOffers:
    """A student has one open offer of a batch, and an end says what it is."""

    async def test_one_open_offer_of_a_batch(self, conn: AsyncConnection) -> None:
        await refuses_row(conn, "fk_offers_batch_id_batches", t.offers, batch_id="bat_none")
        await add(conn, t.offers)
        await refuses_row(conn, "pk_offers", t.offers, student="s2")
        await refuses_row(conn, "uq_offers_open", t.offers, id="ofr_2", state="seen")
        await add(conn, t.offers, id="ofr_3", state="declined", ended_at=1)

    async def test_an_end_says_what_it_is(self, conn: AsyncConnection) -> None:
        await add(conn, t.offers)
        breaks: dict[str, dict[str, object]] = {
            "state_known": {"state": "lost", "ended_at": 1},
            "ended_at_iff_ended": {"state": "expired"},
            "coupon_iff_accepted": {"state": "accepted", "ended_at": 1},
        }
        for name, columns in breaks.items():
            await refuses_change(conn, f"ck_offers_{name}", t.offers, **columns)


class TestEvents:
    """A number is given once, and a webhook's states and ranges are those that exist."""

    @pytest.mark.parametrize(
        "table",
        [t.events, t.unnumbered_events, t.event_positions, t.webhook_deliveries],
        ids=lambda table: str(table.name),
    )
    async def test_each_is_one_row(self, conn: AsyncConnection, table: Table) -> None:
        await add(conn, table)
        await refuses_row(conn, f"pk_{table.name}", table)

    async def test_a_webhook_and_what_it_replays(self, conn: AsyncConnection) -> None:
        by = "fk_webhook_replays_webhook_id_webhooks"
        await refuses_row(conn, by, t.webhook_replays)
        await add(conn, t.webhooks)
        await refuses_row(conn, "pk_webhooks", t.webhooks)
        await refuses_change(conn, "ck_webhooks_state_known", t.webhooks, state="on")
        await add(conn, t.webhook_replays)
        await refuses_row(conn, "pk_webhook_replays", t.webhook_replays)
        by = "ck_webhook_replays_range_forward"
        await refuses_change(conn, by, t.webhook_replays, position=2)


class TestImports:
    """The rows of a file add up, and a good one names its student."""

    async def test_rows_and_their_counts(self, conn: AsyncConnection) -> None:
        await add(conn, t.imports)
        await add(conn, t.import_rows)
        await refuses_row(conn, "pk_imports", t.imports)
        await refuses_row(conn, "pk_import_rows", t.import_rows)
        await refuses_change(conn, "ck_imports_rows_add_up", t.imports, rows=2)
        by = "ck_import_rows_good_has_student"
        await refuses_change(conn, by, t.import_rows, student=None)
        by = "fk_import_rows_import_id_imports"
        await refuses_row(conn, by, t.import_rows, import_id="imp_2")

    async def test_a_price_rule_is_there_once(self, conn: AsyncConnection) -> None:
        await add(conn, t.price_rules)
        await refuses_row(conn, "pk_price_rules", t.price_rules)

    async def test_an_approval_is_decided_by_another(self, conn: AsyncConnection) -> None:
        await add(conn, t.approvals)
        await refuses_row(conn, "pk_approvals", t.approvals, subject="iss_2")
        await refuses_row(conn, "uq_approvals_subject", t.approvals, id="apv_2")
        await refuses_change(
            conn, "ck_approvals_state_known", t.approvals, state="lost", decided_by="otto"
        )
        by = "ck_approvals_decided_iff_not_waiting"
        await refuses_change(conn, by, t.approvals, state="approved")
        own = {"state": "approved", "decided_by": "op"}
        await refuses_change(conn, "ck_approvals_by_another", t.approvals, **own)

    async def test_a_batch_is_overridden_once(self, conn: AsyncConnection) -> None:
        await add(conn, t.price_overrides)
        await refuses_row(conn, "pk_price_overrides", t.price_overrides)
        by = "fk_price_overrides_batch_id_batches"
        await refuses_row(conn, by, t.price_overrides, batch_id="bat_2")

    async def test_a_pack_is_there_once(self, conn: AsyncConnection) -> None:
        await add(conn, t.packs)
        await refuses_row(conn, "pk_packs", t.packs)


async def test_a_batch_is_in_one_running_experiment_and_a_student_in_one_group(
    conn: AsyncConnection,
) -> None:
    await add(conn, t.experiments)
    await add(conn, t.experiment_variants)
    await add(conn, t.exposures)
    await refuses_row(conn, "pk_experiments", t.experiments)
    await refuses_row(conn, "pk_experiment_variants", t.experiment_variants)
    await refuses_row(conn, "pk_exposures", t.exposures, variant=-1)
    by = "uq_experiment_variants_batch_id"
    await refuses_row(conn, by, t.experiment_variants, number=1)
    await refuses_change(conn, "ck_experiments_state_known", t.experiments, state="off")
    await refuses_change(conn, "ck_experiments_ended_at_iff_ended", t.experiments, ended_at=1)
    await refuses_change(conn, "ck_experiments_hold_out_within_90", t.experiments, hold_out=91)
    by = "ck_experiment_variants_share_within_100"
    await refuses_change(conn, by, t.experiment_variants, share=0)
    await refuses_change(conn, "ck_exposures_variant_known", t.exposures, variant=-2)


async def test_a_version_of_a_template_is_written_once(conn: AsyncConnection) -> None:
    await refuses_row(conn, "pk_template_versions", t.template_versions)


async def test_a_drop_has_one_cue_of_a_known_kind(conn: AsyncConnection) -> None:
    await add(conn, t.cues)
    await refuses_row(conn, "pk_cues", t.cues)
    await refuses_change(conn, "ck_cues_kind_known", t.cues, kind="mood")
    await refuses_change(conn, "ck_cues_state_known", t.cues, state="lost")
    await refuses_change(conn, "ck_cues_value_not_negative", t.cues, value=-1)
    await refuses_row(conn, "fk_cues_drop_id_drops", t.cues, drop_id="drp_9")


class TestDraws:
    async def test_a_draw_is_sealed_as_a_whole_and_drawn_after_that(
        self, conn: AsyncConnection
    ) -> None:
        await add(conn, t.draws)
        await refuses_row(conn, "pk_draws", t.draws)
        await refuses_change(conn, "ck_draws_sealed_as_a_whole", t.draws, root="ab")
        await refuses_change(conn, "ck_draws_drawn_after_the_seal", t.draws, drawn_at=1)
        seal = {"root": "ab", "entries": 1, "units": 1, "sealed_at": 1}
        await change(conn, t.draws, **seal)
        await refuses_change(
            conn, "ck_draws_drawn_after_the_seal", t.draws, drawn_at=2, aborted_at=2
        )
        await change(conn, t.draws, drawn_at=2)

    async def test_a_student_has_one_entry_and_a_place_one_student(
        self, conn: AsyncConnection
    ) -> None:
        await add(conn, t.draws)
        await add(conn, t.draw_entries)
        other = {"number": 1, "student": "stu_2", "claim_id": "clm_2"}
        await refuses_row(conn, "pk_draw_entries", t.draw_entries, **{**other, "number": 0})
        by = "uq_draw_entries_drop_id_student"
        await refuses_row(conn, by, t.draw_entries, **{**other, "student": "stu_1"})
        by = "uq_draw_entries_claim_id"
        await refuses_row(conn, by, t.draw_entries, **{**other, "claim_id": "clm_1"})
        by = "ck_draw_entries_number_from_zero"
        await refuses_row(conn, by, t.draw_entries, **{**other, "number": -1})
        await add(conn, t.draw_entries, **other)


class TestLinks:
    async def test_a_link_has_an_address_and_a_drop_of_its_own(self, conn: AsyncConnection) -> None:
        await refuses_row(conn, "fk_links_batch_id_batches", t.links, batch_id="bat_9")
        await add(conn, t.links)
        other = {"id": "lnk_2", "slug": "klmnopqrst"}
        await refuses_row(conn, "pk_links", t.links, slug="klmnopqrst")
        await refuses_row(conn, "uq_links_slug", t.links, id="lnk_2")
        await refuses_row(conn, "uq_links_drop_id", t.links, **other)
        await refuses_row(conn, "fk_links_drop_id_drops", t.links, **other, drop_id="drp_9")


class TestReports:
    async def test_a_sum_has_one_row(self, conn: AsyncConnection) -> None:
        await add(conn, t.report_sums)
        await refuses_row(conn, "pk_report_sums", t.report_sums)
        await add(conn, t.report_sums, measure="used")

    async def test_a_sum_of_a_month_has_one_row(self, conn: AsyncConnection) -> None:
        await add(conn, t.report_span_sums)
        await refuses_row(conn, "pk_report_span_sums", t.report_span_sums)
        await add(conn, t.report_span_sums, span="2026-04")


class TestSupportDays:
    async def test_a_person_has_one_row_that_counts(self, conn: AsyncConnection) -> None:
        await add(conn, t.support_days)
        await refuses_row(conn, "pk_support_days", t.support_days)
        await refuses_row(
            conn, "ck_support_days_coupons_positive", t.support_days, subject="sue", coupons=0
        )


class TestStatements:
    async def test_a_line_is_written_once_and_kept(self, conn: AsyncConnection) -> None:
        await add(conn, t.statement_lines)
        await refuses_row(conn, "pk_statement_lines", t.statement_lines)
        await add(conn, t.statement_lines, part=1)
        await refuses_change(conn, "append-only", t.statement_lines, paid=1)
        async with refused(conn, "append-only"):
            await conn.execute(delete(t.statement_lines))

    async def test_a_day_is_closed_once(self, conn: AsyncConnection) -> None:
        await add(conn, t.statement_days)
        await refuses_row(conn, "pk_statement_days", t.statement_days)


class TestReceipts:
    async def test_a_seal_is_written_once_and_kept(self, conn: AsyncConnection) -> None:
        await add(conn, t.drop_seals)
        await refuses_row(conn, "pk_drop_seals", t.drop_seals)
        await refuses_row(conn, "fk_drop_seals_drop_id_drops", t.drop_seals, drop_id="drp_9")
        await add(conn, t.drop_seals, number=2)
        await refuses_change(conn, "append-only", t.drop_seals, root="ef")
        async with refused(conn, "append-only"):
            await conn.execute(delete(t.drop_seals))

    async def test_no_more_claims_are_sealed_than_there_were_units(
        self, conn: AsyncConnection
    ) -> None:
        by = "ck_drop_seals_count_within_stock"
        await refuses_row(conn, by, t.drop_seals, count=11)
        await refuses_row(conn, by, t.drop_seals, count=-1)

    async def test_a_drop_waits_for_its_seal_once(self, conn: AsyncConnection) -> None:
        await add(conn, t.seals_due)
        await refuses_row(conn, "pk_seals_due", t.seals_due)
        await refuses_row(conn, "fk_seals_due_drop_id_drops", t.seals_due, drop_id="drp_9")


class TestTasks:
    async def test_a_student_passes_a_task_once(self, conn: AsyncConnection) -> None:
        await add(conn, t.task_passes)
        await refuses_row(conn, "pk_task_passes", t.task_passes)
        by = "fk_task_passes_drop_id_drops"
        await refuses_row(conn, by, t.task_passes, student="s2", drop_id="drp_9")

    async def test_a_student_invites_by_one_link(self, conn: AsyncConnection) -> None:
        await add(conn, t.inviters)
        await refuses_row(conn, "pk_inviters", t.inviters, student="s2")
        await refuses_row(conn, "uq_inviters_drop_id_student", t.inviters, code="inv_2")

    async def test_who_was_invited_counts_once_with_all_their_accounts(
        self, conn: AsyncConnection
    ) -> None:
        await add(conn, t.invitations)
        free: dict[str, object] = {"student": "s3", "person": "p3", "device": "d3"}
        by = "pk_invitations"
        await refuses_row(conn, by, t.invitations, **{**free, "student": "s2"})
        by = "uq_invitations_person"
        await refuses_row(conn, by, t.invitations, **{**free, "person": "p2"})
        by = "uq_invitations_device"
        await refuses_row(conn, by, t.invitations, **{**free, "device": "d2"})
        unknown = {"person": None, "device": None}
        await add(conn, t.invitations, student="s4", **unknown)
        await add(conn, t.invitations, student="s5", **unknown)


async def test_every_table_has_been_attacked_or_has_nothing_to_break() -> None:
    """A table added later has to be thought of here."""
    attacked = {
        *("templates", "template_versions", "batches", "batch_rooms", "drops", "allotments"),
        *("claims", "coupons", "redemptions", "redemption_coupons", "intents"),
        *("idempotency_keys", "acts", "coupon_moves", "balances", "rebates", "balance_entries"),
        *("template_uses", "refunds", "refunded_lines", "code_runs", "cancelled_locks"),
        *("campaigns", "campaign_budgets", "campaign_warnings", "campaign_claims"),
        *("person_slots", "device_slots"),  # in tests/integration/promotions/test_holder_limits.py
        *("issuances", "issuance_items", "imports", "import_rows", "packs"),
        *("price_rules", "price_overrides", "approvals"),
        *("messages", "jobs", "job_files", "erasures"),
        *("access_rules", "watched", "wrong_codes"),
        *("events", "unnumbered_events", "event_positions"),
        *("webhooks", "webhook_replays", "webhook_deliveries"),
        *("students", "student_tags", "student_facts", "student_events", "student_days"),
        *("student_interests", "audiences", "audience_lists", "audience_members"),
        "cues",
        *("lotteries", "lottery_prizes", "lottery_prize_days", "lottery_days", "lottery_spins"),
        *("task_passes", "inviters", "invitations"),
        *("links", "drop_seals", "seals_due", "statement_lines", "statement_days"),
        "alerts",  # in tests/integration/alerts/test_api_alerts.py
        *("report_sums", "report_span_sums"),
        "support_days",
        *("experiments", "experiment_variants", "exposures"),
        "offers",
        *("draws", "draw_entries"),
        *("audience_versions", "triggers", "trigger_versions", "trigger_firings", "trigger_days"),
    }
    bare = {
        *("reminder_positions", "dead_letters", "desks", "stops", "access_version", "watch_turns"),
        *("student_persons", "stages"),
    }

    assert set(t.metadata.tables) == attacked | bare


async def test_the_transaction_of_these_tests_can_be_used_after_a_refusal(
    conn: AsyncConnection,
) -> None:
    """Else every second step above would pass for the wrong reason."""
    await refuses_claim(conn, "ck_claims_unit_in_allotment", UNITS + 1)
    await add_claim(conn, 1)

    assert (await conn.execute(select(t.claims.c.id))).scalars().all() == ["clm_1"]
