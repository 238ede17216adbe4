"""Rows of a ledger made by plain SQL, each with everything it needs that the caller does not say.

For tests that look at the ledger itself; what tests do through flows needs none of this.
"""

from sqlalchemy import Table, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger import tables

NOW = 1_760_000_000_000  # some moment; the ledger has no clock
PER_STUDENT = 2
UNITS = 10  # of the first allotment


async def add(conn: AsyncConnection, table: Table, **columns: object) -> None:
    """One row: the defaults below, and what the caller says."""
    await conn.execute(insert(table).values({**_DEFAULTS[table.name], **columns}))


async def add_drop(conn: AsyncConnection) -> None:
    """Template, batch of 100 (room 101 may drop 40 of it), an open drop of 10 in that room."""
    for table in (
        tables.templates,
        tables.template_versions,
        tables.batches,
        tables.batch_rooms,
        tables.drops,
        tables.allotments,
    ):
        await add(conn, table)


async def add_claim(conn: AsyncConnection, number: int, **columns: object) -> None:
    """Student s1 has unit 1 by clm_1, and so on."""
    claim: dict[str, object] = {
        "id": f"clm_{number}",
        "student": f"s{number}",
        "request_id": f"r{number}",
        "unit": number,
    }
    await add(conn, tables.claims, **{**claim, **columns})


_DEFAULTS: dict[str, dict[str, object]] = {
    "templates": {"id": "tpl_1", "version": 1},
    "template_versions": {
        "template_id": "tpl_1",
        "version": 1,
        "name": "Ten off",
        "description": "",
        "currency": "CNY",
        "discount": {"kind": "amount_off", "amount": 1000},
        "threshold": {"min_amount": 0},
        "scope": {"courses": [], "packages": []},
        "validity": {"kind": "relative", "seconds": 3600, "cap_at_batch_end": False},
        "style": {},
        "metadata": {},
        "created_by": "op",
        "created_at": NOW,
    },
    "batches": {
        "id": "bat_1",
        "template_id": "tpl_1",
        "template_version": 1,
        "name": "Tuesday",
        "channel": "live",
        "quantity": 100,
        "allotted": UNITS,
        "per_student": PER_STUDENT,
        "any_room": False,
        "shard": 3,
        "metadata": {},
        "created_by": "op",
        "created_at": NOW,
    },
    "batch_rooms": {"batch_id": "bat_1", "room": "101", "quantity": 40, "allotted": UNITS},
    "drops": {
        "id": "drp_1",
        "room": "101",
        "batch_id": "bat_1",
        "per_student": PER_STUDENT,
        "shard": 3,
        "state": "open",
        "mode": "first",
        "message": "",
        "quantity": UNITS,
        "duration_seconds": 60,
        "opens_in_seconds": 0,
        "audience": {"tags": [], "students": []},
        "opens_at": NOW,
        "closes_at": NOW + 60_000,
        "metadata": {},
        "created_by": "teacher",
        "created_at": NOW,
    },
    "allotments": {
        "id": "alt_1",
        "drop_id": "drp_1",
        "first": 1,
        "last": UNITS,
        "created_at": NOW,
    },
    "claims": {
        "drop_id": "drp_1",
        "batch_id": "bat_1",
        "allotment_id": "alt_1",
        "allotment_first": 1,
        "allotment_last": UNITS,
        "slot": 1,
        "per_student": PER_STUDENT,
        "state": "live",
        "won_at": NOW,
        "confirmed_at": NOW,
    },
    "coupons": {
        "id": "cpn_1",
        "code": "CODE-1",
        "batch_id": "bat_1",
        "template_id": "tpl_1",
        "template_version": 1,
        "source": "claim",
        "claim_id": "clm_1",
        "drop_id": "drp_1",
        "student": "s1",
        "state": "usable",
        "valid_from": NOW,
        "valid_until": NOW + 3_600_000,
        "created_at": NOW,
    },
    "campaigns": {
        "id": "cmp_1",
        "name": "Spring",
        "purpose": "more learners",
        "starts_at": NOW,
        "ends_at": NOW + 1,
        "phases": [],
        "per_student": 2,
        "shard": 3,
        "metadata": {},
        "created_by": "op",
        "created_at": NOW,
    },
    "campaign_budgets": {
        "campaign_id": "cmp_1",
        "kind": "money",
        "amount": 1000,
        "currency": "CNY",
        "free": 600,
        "exposed": 300,
        "settled": 100,
    },
    "campaign_warnings": {"campaign_id": "cmp_1", "kind": "money", "level": 50, "at": NOW},
    "campaign_claims": {
        "claim_id": "clm_1",
        "campaign_id": "cmp_1",
        "student": "s1",
        "slot": 1,
        "per_student": 2,
    },
    "stops": {
        "target": "bat_1",
        "claims": True,
        "use": False,
        "reason": "",
        "version": 1,
        "changed_by": "op",
        "changed_at": NOW,
    },
    "balances": {"student": "s1", "currency": "CNY", "amount": 500},
    "rebates": {
        "id": "rbt_1",
        "redemption_id": "rdm_1",
        "coupon_id": "cpn_1",
        "student": "s1",
        "currency": "CNY",
        "amount": 500,
        "shares": {},
        "state": "pending",
        "due_at": NOW,
        "created_at": NOW,
    },
    "balance_entries": {
        "id": "bal_1",
        "student": "s1",
        "currency": "CNY",
        "at": NOW,
        "amount": 500,
        "kind": "rebate",
    },
    "acts": {
        "id": "act_1",
        "at": NOW,
        "actor": "op",
        "action": "batch.made",
        "subject": "bat_1",
        "detail": {},
    },
    "coupon_moves": {
        "coupon_id": "cpn_1",
        "at": NOW,
        "event": "hold_ended",
        "target": "released",
    },
    "redemptions": {
        "id": "rdm_1",
        "order_id": "order-1",
        "student": "s1",
        "state": "locked",
        "currency": "CNY",
        "order": {},
        "subtotal": 5000,
        "discount": 1000,
        "payable": 4000,
        "lines": [],
        "expires_at": NOW + 900_000,
        "created_at": NOW,
        "updated_at": NOW,
    },
    "cancelled_locks": {
        "redemption_id": "rdm_1",
        "version": 1,
        "cancelled_at": NOW,
        "payable": 4000,
    },
    "redemption_coupons": {
        "redemption_id": "rdm_1",
        "coupon_id": "cpn_1",
        "position": 1,
        "discount": 1000,
        "shares": {},
    },
    "template_uses": {"template_id": "tpl_1", "student": "s1", "uses": 1},
    "refunds": {
        "redemption_id": "rdm_1",
        "number": 1,
        "refund_id": "r1",
        "asked": [],
        "refunded": 1000,
        "charged_back": 0,
        "total": 1000,
        "payable": 4000,
        "lines": [],
        "coupons": [],
        "created_at": NOW,
    },
    "refunded_lines": {
        "redemption_id": "rdm_1",
        "line_id": "a",
        "payable": 4000,
        "quantity": 2,
        "refunded": 1000,
        "returned": 1,
    },
    "intents": {
        "id": "int_1",
        "kind": "open",
        "drop_id": "drp_1",
        "payload": {},
        "created_at": NOW,
    },
    "code_runs": {
        "id": "run_1",
        "batch_id": "bat_1",
        "source": "list",
        "quantity": 5,
        "created_by": "op",
        "created_at": NOW,
    },
    "idempotency_keys": {
        "subject": "op",
        "path": "/v1/batches",
        "key": "k",
        "body_hash": "h",
        "resource_id": "bat_1",
        "created_at": NOW,
    },
}
