"""The ledger's tables, and the constraints that keep its promises whatever the code does.

One file for each subject. Imported by the files of ledger/ and by the migrations only. Each constraint has a
test that tries to break it by SQL (tests/integration/ledger/test_constraints.py).

Instants are BIGINT milliseconds UTC, money is BIGINT minor units, JSON has the form of the API's JSON.
"""

from server.ledger.tables.act import acts, coupon_moves
from server.ledger.tables.append_only import append_only
from server.ledger.tables.balance import balance_entries, balances, rebates
from server.ledger.tables.campaign import (
    campaign_budgets,
    campaign_claims,
    campaign_warnings,
    campaigns,
    stops,
)
from server.ledger.tables.coupon import code_runs, coupons, template_uses
from server.ledger.tables.drop import allotments, claims, dead_letters, drops
from server.ledger.tables.naming import metadata
from server.ledger.tables.order import (
    cancelled_locks,
    redemption_coupons,
    redemptions,
    refunded_lines,
    refunds,
)
from server.ledger.tables.promotion import batch_rooms, batches, template_versions, templates
from server.ledger.tables.service import desks, idempotency_keys, intents

__all__ = [
    "acts",
    "allotments",
    "append_only",
    "balance_entries",
    "balances",
    "batch_rooms",
    "batches",
    "campaign_budgets",
    "campaign_claims",
    "campaign_warnings",
    "campaigns",
    "cancelled_locks",
    "claims",
    "code_runs",
    "coupon_moves",
    "coupons",
    "dead_letters",
    "desks",
    "drops",
    "idempotency_keys",
    "intents",
    "metadata",
    "rebates",
    "redemption_coupons",
    "redemptions",
    "refunded_lines",
    "refunds",
    "stops",
    "template_uses",
    "template_versions",
    "templates",
]
