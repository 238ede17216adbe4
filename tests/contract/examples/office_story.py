"""The second half of the story: what operators and finance look at, webhooks, a student's own data."""

from server.core.jobs import JobKind
from server.core.students.erasure import key_of
from server.desk.student_eraser import StudentEraser
from server.flows.alerts.watch import watch_alerts
from server.flows.drops.seal_drops import seal_drops
from server.flows.events.number_events import number_events
from server.flows.jobs import drive_jobs
from server.flows.reports.roll_up import roll_up
from server.flows.statements.write_lines import write_lines
from server.flows.stores import Stores
from server.flows.students.erase import Erasing
from server.flows.students.export import export_student
from tests.contract.examples.school import Json, School
from tests.support.builders.api import a_batch, a_template
from tests.support.builders.classroom import now_ms
from tests.support.servers.webhook_receiver import Receiver

TEMPLATES, BATCHES = "POST /v1/templates", "POST /v1/batches"
DROPS = "POST /v1/rooms/{room}/drops"
FOREVER = {"kind": "fixed", "from": "2026-01-01T00:00:00Z", "until": "2999-01-01T00:00:00Z"}
SPAN = {"from": "2026-01-01", "to": "2026-12-31"}


async def triggers(school: School, batch: Json) -> None:
    form = {
        "name": "Well done",
        "when": {"event": "lesson_finished"},
        "then": {"batch_id": batch["id"]},
        "limits": {"per_student": 1},
        "metadata": {"flow": "17"},
    }
    made = await school.call("POST /v1/triggers", body=form)
    await school.call("GET /v1/triggers")
    await school.call("GET /v1/triggers/{id}", made["id"])
    await school.call("PATCH /v1/triggers/{id}", made["id"], body={"name": "Well done!"})
    await school.call("POST /v1/triggers/{id}/dry-run", made["id"], body={"days": 7})
    await school.call("POST /v1/triggers/{id}/activate", made["id"])
    await school.call("POST /v1/triggers/{id}/pause", made["id"], body={"reason": "holiday"})


async def access(school: School) -> None:
    block = {
        "kind": "student",
        "value": "zed",
        "reason": "sells coupons",
        "metadata": {"ticket": "88"},
    }
    made = await school.call("POST /v1/blocks", body=block)
    await school.call("GET /v1/blocks")
    await school.call("GET /v1/blocks/{id}", made["id"])
    await school.call("DELETE /v1/blocks/{id}", made["id"])
    await school.call("POST /v1/blocks", body=block)
    await school.call("DELETE /v1/blocks", query={"kind": "student", "value": "zed"})
    revoked = {"jti": "token-1", "reason": "lost phone", "metadata": {"ticket": "89"}}
    await school.call("POST /v1/revocations", body=revoked)
    await school.call("GET /v1/revocations")
    reason = {"reason": "wrong room"}
    await school.call("POST /v1/instructors/{sub}/stop", "tom", body=reason)
    await school.call("GET /v1/instructors")
    await school.call("GET /v1/instructors/{sub}", "tom")
    await school.call("POST /v1/instructors/{sub}/resume", "tom", body=reason)
    await school.call("GET /v1/watch")


async def experiments(school: School) -> None:
    template = await school.call(TEMPLATES, body=a_template(validity=FOREVER))
    form = a_batch(template_id=template["id"])
    batches = [await school.call(BATCHES, body={**form, "name": name}) for name in ("A", "B")]
    variants = [{"batch_id": batch["id"], "share": 50} for batch in batches]
    body = {"name": "Ten or twelve off", "variants": variants}
    made = await school.call("POST /v1/experiments", body=body)
    await school.call("GET /v1/experiments")
    await school.call("GET /v1/experiments/{id}", made["id"])
    await school.call("POST /v1/experiments/{id}/end", made["id"])
    reason = {"reason": "the other one does better"}
    await school.call("POST /v1/batches/{id}/end", batches[1]["id"], body=reason)


async def office(school: School, drop: Json) -> None:
    ledger, zone = school.api.parts.ledger, school.api.parts.time_zone
    await number_events(ledger, _nobody)
    await roll_up(ledger, zone)
    await write_lines(ledger, zone)
    for report in ("coupons", "orders", "courses"):
        await school.call(f"GET /v1/reports/{report}", who="finance", query=SPAN)
    await school.call("GET /v1/reports/definitions", who="finance")
    await school.call("GET /v1/reports/live", who="finance")
    await school.call("GET /v1/statements", who="finance", query=SPAN)
    await school.call("GET /v1/statements/days", who="finance", query=SPAN)
    paid = [{"order": "order-1", "paid": 18_900}]
    body = {**SPAN, "orders": paid}
    await school.call("POST /v1/statements/match", who="finance", body=body)
    await seal_drops(_stores(school), now_ms())
    await school.call("GET /v1/drops/{id}/receipt", drop["id"], who="ann")
    await school.call("GET /v1/find", query={"q": "order-1"})
    await school.call("GET /v1/acts", query={"subject": drop["id"], "limit": 2})
    await school.call("GET /v1/messages")
    await school.call("GET /v1/me/messages", who="ann")
    await school.call("POST /v1/consistency")
    await school.call("GET /v1/consistency")
    await alerts(school)


async def alerts(school: School) -> None:
    template = await school.call(TEMPLATES, body=a_template(validity=FOREVER))
    form = a_batch(template_id=template["id"], quantity=20)
    batch = await school.call(BATCHES, body=form)
    await school.call("POST /v1/batches/{id}/codes", batch["id"], body={"quantity": 19})
    await watch_alerts(school.api.parts.ledger, "classdrop", school.api.clock.now)
    found = await school.call("GET /v1/alerts")
    act = {"act": "dismiss"}
    await school.call("POST /v1/alerts/{id}/act", found["alerts"][0]["id"], body=act)


async def webhooks(school: School, receiver: Receiver) -> None:
    await school.call("GET /v1/events", who="service", query={"limit": 2})
    made = await school.call("POST /v1/webhooks", body={"url": receiver.url})
    await school.call("GET /v1/webhooks")
    await school.call("GET /v1/webhooks/{id}", made["id"])
    await school.call("POST /v1/webhooks/{id}/test", made["id"])
    await school.call("POST /v1/webhooks/{id}/rotate", made["id"])
    numbers = {"from_seq": 1, "to_seq": 2}
    await school.call("POST /v1/webhooks/{id}/replay", made["id"], body=numbers)
    await school.call("GET /v1/webhooks/{id}/deliveries", made["id"])
    await school.call("PATCH /v1/webhooks/{id}", made["id"], body={"state": "paused"})
    await school.call("DELETE /v1/webhooks/{id}", made["id"])


async def personal_data(school: School) -> None:
    await school.call("GET /v1/students/{student}", "ann")
    job = await school.call("POST /v1/students/{student}/export", "bob")
    erasing = Erasing(StudentEraser(school.desk.redis, school.desk.prefix), [key_of("a secret")])
    handlers = {JobKind.EXPORT: export_student, JobKind.ERASE: erasing.__call__}
    await drive_jobs(_stores(school), handlers, now_ms())
    await school.call("GET /v1/jobs/{id}", job["id"])
    await school.call("GET /v1/jobs/{id}/result", job["id"])
    await school.call("POST /v1/students/{student}/merge-into/{other}", "gus", "fay")
    reason = {"reason": "asked for it"}
    await school.call("POST /v1/students/{student}/erase", "hal", body=reason)
    path = "POST /v1/coupons/{code}/void"
    found = await school.call("GET /v1/coupons", query={"student": "cid"})
    await school.call(path, found["coupons"][0]["code"], body={"reason": "given in error"})


def _stores(school: School) -> Stores:
    parts = school.api.parts
    return Stores(parts.ledger, parts.drop_desk, parts.feed)


async def _nobody(_last: int, _types: object) -> None:
    """Announce to nobody."""
