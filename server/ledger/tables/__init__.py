"""The ledger's tables, and the constraints that keep its promises whatever the code does.

One package for each family of subjects; the tables that all share lie beside them. Imported by the files of
ledger/ and by the migrations only. Each constraint has a test that tries to break it by SQL
(tests/integration/ledger/test_constraints.py).

Instants are BIGINT milliseconds UTC, money is BIGINT minor units, JSON has the form of the API's JSON.
"""

from server.ledger.tables.act import acts, coupon_moves
from server.ledger.tables.alert import alerts
from server.ledger.tables.append_only import append_only
from server.ledger.tables.checkout.balance import balance_entries, balances, rebates
from server.ledger.tables.checkout.order import (
    cancelled_locks,
    redemption_coupons,
    redemptions,
    refunded_lines,
    refunds,
)
from server.ledger.tables.checkout.statement import statement_days, statement_lines
from server.ledger.tables.coupon.coupon import code_runs, coupons, template_uses
from server.ledger.tables.coupon.imports import import_rows, imports
from server.ledger.tables.coupon.issuance import issuance_items, issuances
from server.ledger.tables.coupon.link import links
from server.ledger.tables.coupon.lottery import (
    lotteries,
    lottery_days,
    lottery_prize_days,
    lottery_prizes,
    lottery_spins,
)
from server.ledger.tables.coupon.offer import offers
from server.ledger.tables.coupon.pack import packs
from server.ledger.tables.coupon.support import support_days
from server.ledger.tables.drop.draw import draw_entries, draws
from server.ledger.tables.drop.drop import allotments, claims, dead_letters, drops
from server.ledger.tables.drop.receipt import drop_seals, seals_due
from server.ledger.tables.drop.stage import cues, stages
from server.ledger.tables.drop.task import invitations, inviters, task_passes
from server.ledger.tables.event.event import event_positions, events, unnumbered_events
from server.ledger.tables.event.report import report_span_sums, report_sums
from server.ledger.tables.event.trigger import (
    trigger_days,
    trigger_firings,
    trigger_versions,
    triggers,
)
from server.ledger.tables.event.webhook import webhook_deliveries, webhook_replays, webhooks
from server.ledger.tables.job import job_files, jobs
from server.ledger.tables.naming import metadata
from server.ledger.tables.promotion.approval import approvals
from server.ledger.tables.promotion.campaign import (
    campaign_budgets,
    campaign_claims,
    campaign_warnings,
    campaigns,
    stops,
)
from server.ledger.tables.promotion.experiment import experiment_variants, experiments, exposures
from server.ledger.tables.promotion.limit import device_slots, person_slots, student_persons
from server.ledger.tables.promotion.price_rule import price_overrides, price_rules
from server.ledger.tables.promotion.promotion import (
    batch_rooms,
    batches,
    template_versions,
    templates,
)
from server.ledger.tables.service import desks, idempotency_keys, intents
from server.ledger.tables.student.access import (
    access_rules,
    access_version,
    watch_turns,
    watched,
    wrong_codes,
)
from server.ledger.tables.student.audience import (
    audience_lists,
    audience_members,
    audience_versions,
    audiences,
)
from server.ledger.tables.student.erasure import erasures
from server.ledger.tables.student.message import messages, reminder_positions
from server.ledger.tables.student.student import (
    student_days,
    student_events,
    student_facts,
    student_interests,
    student_tags,
    students,
)

__all__ = [
    "access_rules",
    "access_version",
    "acts",
    "alerts",
    "allotments",
    "append_only",
    "approvals",
    "audience_lists",
    "audience_members",
    "audience_versions",
    "audiences",
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
    "cues",
    "dead_letters",
    "desks",
    "device_slots",
    "draw_entries",
    "draws",
    "drop_seals",
    "drops",
    "erasures",
    "event_positions",
    "events",
    "experiment_variants",
    "experiments",
    "exposures",
    "idempotency_keys",
    "import_rows",
    "imports",
    "intents",
    "invitations",
    "inviters",
    "issuance_items",
    "issuances",
    "job_files",
    "jobs",
    "links",
    "lotteries",
    "lottery_days",
    "lottery_prize_days",
    "lottery_prizes",
    "lottery_spins",
    "messages",
    "metadata",
    "offers",
    "packs",
    "person_slots",
    "price_overrides",
    "price_rules",
    "rebates",
    "redemption_coupons",
    "redemptions",
    "refunded_lines",
    "refunds",
    "reminder_positions",
    "report_span_sums",
    "report_sums",
    "seals_due",
    "stages",
    "statement_days",
    "statement_lines",
    "stops",
    "student_days",
    "student_events",
    "student_facts",
    "student_interests",
    "student_persons",
    "student_tags",
    "students",
    "support_days",
    "task_passes",
    "template_uses",
    "template_versions",
    "templates",
    "trigger_days",
    "trigger_firings",
    "trigger_versions",
    "triggers",
    "unnumbered_events",
    "watch_turns",
    "watched",
    "webhook_deliveries",
    "webhook_replays",
    "webhooks",
    "wrong_codes",
]
