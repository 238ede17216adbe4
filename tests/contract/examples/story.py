"""One call of every operation, in an order in which each has what it needs: the life of a small school.

A new operation gets its call here, where its subject is told; `test_examples.py` says how to keep its
example.
"""

from dataclasses import replace

from server.core.approvals.approvals import SendLimits
from server.core.instants import to_text
from tests.contract.examples.office_story import (
    access,
    experiments,
    office,
    personal_data,
    triggers,
    webhooks,
)
from tests.contract.examples.school import Json, School
from tests.support.builders.api import a_batch, a_template, an_order, confirm_all, with_parts
from tests.support.servers.webhook_receiver import Receiver

TEMPLATES, BATCHES = "POST /v1/templates", "POST /v1/batches"
DROPS, CLAIMS = "POST /v1/rooms/{room}/drops", "POST /v1/drops/{id}/claims"
FOREVER = {"kind": "fixed", "from": "2026-01-01T00:00:00Z", "until": "2999-01-01T00:00:00Z"}
WINDOW = {"from": "2026-01-01T00:00:00Z", "until": "2999-01-01T00:00:00Z"}


async def tell(school: School, receiver: Receiver) -> None:
    """Tell the whole story."""
    batch = await promotions(school)
    drop, code = await a_class(school, batch)
    await paid_orders(school, code)
    await students(school)
    await issuances(school, batch)
    await approvals(school, batch)
    await links(school, batch)
    await tasks_and_draws(school, batch)
    await offers(school, batch)
    await running_order(school, batch)
    await lotteries(school, batch)
    await triggers(school, batch)
    await access(school)
    await experiments(school)
    await office(school, drop)
    await webhooks(school, receiver)
    await personal_data(school)


async def promotions(school: School) -> Json:
    template = await school.call(TEMPLATES, body=a_template(validity=FOREVER))
    await school.call("GET /v1/templates", query={"limit": 2})
    await school.call("GET /v1/templates/{id}", template["id"])
    changed = a_template(name="Twelve off", validity=FOREVER)
    version = {"If-Match": str(template["version"])}
    await school.call("PUT /v1/templates/{id}", template["id"], body=changed, headers=version)
    campaign = await school.call(
        "POST /v1/campaigns",
        body={
            "name": "Autumn",
            "purpose": "new students",
            "starts_at": WINDOW["from"],
            "ends_at": WINDOW["until"],
            "budget": {"money": {"amount": 1_000_000, "currency": "CNY"}},
        },
    )
    await school.call("GET /v1/campaigns")
    await school.call("GET /v1/campaigns/{id}", campaign["id"])
    version = {"If-Match": str(campaign["version"])}
    raised = {"budget": {"money": {"amount": 2_000_000, "currency": "CNY"}}}
    await school.call("PATCH /v1/campaigns/{id}", campaign["id"], body=raised, headers=version)
    body = a_batch(template_id=template["id"], campaign_id=campaign["id"], per_student=50)
    batch: Json = await school.call(BATCHES, body={**body, "quantity": 500})
    await school.call("GET /v1/batches")
    found = await school.call("GET /v1/batches/{id}", batch["id"])
    version = {"If-Match": str(found["version"])}
    change = {"name": "Monday, first lesson"}
    await school.call("PATCH /v1/batches/{id}", batch["id"], body=change, headers=version)
    await school.call("POST /v1/batches/{id}/codes", batch["id"], body={"quantity": 3})
    codes = await school.call("GET /v1/batches/{id}/codes", batch["id"])
    void = {"codes": [codes["codes"][0]["code"]]}
    await school.call("POST /v1/batches/{id}/codes/void", batch["id"], body=void)
    code = {"code": codes["codes"][1]["code"]}
    await school.call("POST /v1/me/coupons", who="cid", body=code)
    stop = {"claims": True, "reason": "wrong price on the poster"}
    for what, id_ in (("campaigns", campaign["id"]), ("batches", batch["id"])):
        await school.call(f"POST /v1/{what}/{{id}}/stop", id_, body=stop)
        await school.call(f"POST /v1/{what}/{{id}}/resume", id_, body=stop)
    await school.call("POST /v1/stop", body=stop)
    await school.call("GET /v1/stop")
    await school.call("POST /v1/resume", body=stop)
    await price_rules(school)
    return batch


async def price_rules(school: School) -> None:
    rule = {"courses": ["chess-1"], "max_depth_percent": 90, "metadata": {"ticket": "17"}}
    made = await school.call("POST /v1/price-rules", body=rule)
    await school.call("GET /v1/price-rules")
    await school.call("GET /v1/price-rules/{id}", made["id"])
    await school.call("DELETE /v1/price-rules/{id}", made["id"], body={"reason": "term is over"})


async def a_class(school: School, batch: Json) -> tuple[Json, str]:
    """A drop from its opening to the coupon in Ann's wallet; return both."""
    form = {"batch_id": batch["id"], "quantity": 3, "duration_seconds": 60, "message": "Well done!"}
    drop = await school.call(DROPS, who="instructor", body=form)
    room = "/v1/rooms/{room}"
    await school.call(CLAIMS, drop["id"], who="ann", body={"request_id": "tap-1"})
    await confirm_all(school.api, school.desk)
    await school.call(f"GET {room}/snapshot", who="ann")
    await school.call(f"GET {room}/drops", who="instructor")
    await school.call(f"GET {room}/drops/{{id}}", drop["id"], who="instructor")
    await school.call(f"GET {room}/drops/{{id}}/claims", drop["id"], who="instructor")
    await school.call(f"GET {room}/drops/{{id}}/qr.svg", drop["id"], who="instructor")
    more = {"add": 2, "expected_quantity": 3}
    await school.call(f"POST {room}/drops/{{id}}/top-up", drop["id"], who="instructor", body=more)
    longer = {"seconds": 60, "expected_closes_at": drop["closes_at"]}
    await school.call(f"POST {room}/drops/{{id}}/extend", drop["id"], who="instructor", body=longer)
    await tickets(school, drop)
    await school.call(f"POST {room}/drops/{{id}}/close", drop["id"], who="instructor")
    wallet = await school.call("GET /v1/me/coupons", who="ann")
    coupon = wallet["coupons"][0]
    await school.call("GET /v1/me/coupons/{id}/qr.svg", coupon["id"], who="ann")
    return drop, coupon["code"]


async def tickets(school: School, drop: Json) -> None:
    path = "GET /v1/rooms/{room}/drops/{id}/ticket"
    ticket = await school.call(path, drop["id"], who="instructor")
    name = str(ticket["url"]).rpartition("/")[2]
    tap = {"request_id": "scan-1"}
    await school.call("POST /v1/tickets/{ticket}/claims", name, who="bob", body=tap)
    await confirm_all(school.api, school.desk)


async def paid_orders(school: School, code: str) -> None:
    order = an_order(19_900)
    asked = {"student": "ann", "order": order, "coupons": [code]}
    await school.call("POST /v1/quotes", who="service", body=asked)
    await school.call("POST /v1/prompts", who="service", body={"student": "ann", "order": order})
    form = {"order_id": "order-1", **asked}
    locked = await school.call("POST /v1/redemptions", who="service", body=form)
    await school.call("POST /v1/redemptions/{id}/cancel", locked["id"], who="service")
    again = await school.call("POST /v1/redemptions", who="service", body=form)
    await school.call("GET /v1/redemptions", who="service", query={"order_id": "order-1"})
    await school.call("GET /v1/redemptions/{id}", again["id"], who="service")
    payment = {"payment_ref": "pay-1", "paid": again["payable"]}
    await school.call("POST /v1/redemptions/{id}/confirm", again["id"], who="service", body=payment)
    await school.call("GET /v1/me/balance", who="ann")
    await school.call("GET /v1/orders")
    await school.call("GET /v1/orders/{order_id}", "order-1")
    refund = {"refund_id": "refund-1", "preview": True}
    path = "POST /v1/orders/{order_id}/refunds"
    await school.call(path, "order-1", who="service", body=refund)
    await school.call("GET /v1/coupons", query={"student": "ann"})
    await school.call("GET /v1/coupons/{code}", code)


async def students(school: School) -> None:
    known = [{"id": "ann", "name": "Ann", "tags": ["vip"], "facts": {"level": 3}}, {"id": "bob"}]
    await school.call("POST /v1/students", who="service", body={"students": known})
    await school.call("GET /v1/students", query={"tag": "vip"})
    event = {"id": "e-1", "type": "lesson_finished", "student": "ann", "at": _now(school)}
    await school.call("POST /v1/student-events", who="service", body={"events": [event]})

    body = {"name": "VIP", "kind": "list", "students": ["ann", "bob"], "metadata": {"crm": "17"}}
    audience = await school.call("POST /v1/audiences", body=body)
    await school.call("GET /v1/audiences")
    await school.call("GET /v1/audiences/{id}", audience["id"])
    await school.call("POST /v1/audiences/{id}/preview", audience["id"])
    version = {"If-Match": str(audience["version"])}
    changed = {"name": "VIP", "kind": "tag", "tag": "vip", "metadata": {"crm": "17"}}
    await school.call("PUT /v1/audiences/{id}", audience["id"], body=changed, headers=version)

    file = b"id,name\nann,Ann\nbob,Bob\n"
    as_csv = {"Content-Type": "text/csv"}
    read = await school.call("POST /v1/imports", body=file, headers=as_csv)
    await school.call("GET /v1/imports")
    await school.call("GET /v1/imports/{id}", read["id"])
    await school.call("GET /v1/imports/{id}/result", read["id"])


async def approvals(school: School, batch: Json) -> None:
    """Two sends over the limit: a second operator approves one and refuses the other."""
    limited = replace(school, api=with_parts(school.api, send_limits=SendLimits(students=1)))
    for call in ("approve", "reject"):
        form = {"batch_id": batch["id"], "students": ["pia", "quin"], "reason": "exam week"}
        made = await limited.call("POST /v1/issuances", body=form)
        waiting, note = made["approval_id"], {"note": "as agreed"}
        await limited.call("GET /v1/approvals", query={"state": "waiting"})
        await limited.call("GET /v1/approvals/{id}", waiting)
        path = f"POST /v1/approvals/{{id}}/{call}"
        await limited.call(path, waiting, who="approver", body=note)


async def issuances(school: School, batch: Json) -> None:
    form = {"batch_id": batch["id"], "students": ["ann", "bob"], "reason": "competition"}
    made = await school.call("POST /v1/issuances", who="service", body=form)
    await school.call("GET /v1/issuances")
    await school.call("GET /v1/issuances/{id}", made["id"])
    await school.call("GET /v1/issuances/{id}/items", made["id"])
    await school.call("POST /v1/issuances/{id}/undo", made["id"])
    later = {**form, "send_at": to_text(school.api.clock.now + 3_600_000)}
    planned = await school.call("POST /v1/issuances", body=later)
    await school.call("POST /v1/issuances/{id}/stop", planned["id"])
    vip = {"if": {"all": [{"fact": "tag", "op": "=", "value": "vip"}]}}
    variants = [{**vip, "batch_id": batch["id"]}]
    pack = await school.call("POST /v1/packs", body={"name": "Starter", "variants": variants})
    await school.call("GET /v1/packs")
    await school.call("GET /v1/packs/{id}", pack["id"])
    await school.call("POST /v1/packs/{id}/preview", pack["id"])


async def links(school: School, batch: Json) -> None:
    form = {"channel": "poster", "quantity": 20, "note": "north gate"}
    link = await school.call("POST /v1/batches/{id}/links", batch["id"], body=form)
    await school.call("GET /v1/batches/{id}/links", batch["id"])
    await school.call("GET /v1/links/{id}", link["id"])
    await school.call("GET /v1/links/{id}/qr.svg", link["id"])
    tap = {"request_id": "link-1"}
    await school.call("POST /v1/links/{id}/claims", link["id"], who="dan", body=tap)
    await school.call("PATCH /v1/links/{id}", link["id"], body={"state": "paused"})


async def tasks_and_draws(school: School, batch: Json) -> None:
    form = {"batch_id": batch["id"], "quantity": 2, "duration_seconds": 60}
    question = {"kind": "answer", "question": "2 + 2?", "options": ["3", "4"], "right": 1}
    asked = await school.call(DROPS, who="instructor", body={**form, "task": question})
    await school.call("GET /v1/drops/{id}/task", asked["id"], who="ann")
    await school.call("POST /v1/drops/{id}/answer", asked["id"], who="ann", body={"option": 1})
    sign_in = {**form, "task": {"kind": "sign_in"}}
    signed = await school.call(DROPS, who="instructor", body=sign_in)
    await school.call("POST /v1/drops/{id}/sign-in", signed["id"], who="ann")
    invite = {**form, "task": {"kind": "invite", "count": 1}}
    invited = await school.call(DROPS, who="instructor", body=invite)
    made = await school.call("POST /v1/drops/{id}/invite", invited["id"], who="ann")
    await school.call("POST /v1/invitations", who="bob", body={"code": made["code"]})
    drawn = await school.call(DROPS, who="instructor", body={**form, "mode": "draw"})
    tap = {"request_id": "tap-1", "client_random": "00112233445566778899aabbccddeeff"}
    await school.call(CLAIMS, drawn["id"], who="ann", body=tap)
    await school.call("GET /v1/drops/{id}/draw", drawn["id"], who="ann")
    reason = {"reason": "the question was wrong"}
    path = "POST /v1/rooms/{room}/drops/{id}/abort"
    await school.call(path, drawn["id"], who="instructor", body=reason)
    await school.call("GET /v1/drops/{id}/entry", drawn["id"], who="ann")


async def offers(school: School, batch: Json) -> None:
    form = {
        "batch_id": batch["id"],
        "students": ["eve", "fay"],
        "expires_in_seconds": 600,
        "metadata": {"call": "17"},
    }
    made = await school.call("POST /v1/rooms/{room}/offers", who="instructor", body=form)
    eve, fay = (offer["id"] for offer in made["offers"])
    await school.call("GET /v1/rooms/{room}/offers", who="instructor")
    await school.call("GET /v1/rooms/{room}/students", who="instructor")
    mine = await school.call("GET /v1/me/offers", who="eve")
    assert mine["offers"]
    first, second = (eve, fay) if mine["offers"][0]["id"] == eve else (fay, eve)
    await school.call("POST /v1/me/offers/{id}/seen", first, who="eve")
    await school.call("POST /v1/me/offers/{id}/accept", first, who="eve")
    await school.call("POST /v1/me/offers/{id}/decline", second, who="fay")
    again = {**form, "students": ["gus"]}
    made = await school.call("POST /v1/rooms/{room}/offers", who="instructor", body=again)
    path = "POST /v1/rooms/{room}/offers/{id}/withdraw"
    await school.call(path, made["offers"][0]["id"], who="instructor")


async def running_order(school: School, batch: Json) -> None:
    form = {"batch_id": batch["id"], "quantity": 1, "duration_seconds": 60, "start": "prepared"}
    first = await school.call(DROPS, who="instructor", body=form)
    order = "/v1/rooms/{room}/running-order"
    entries = {"entries": [{"drop_id": first["id"], "minute": 5}]}
    await school.call(f"PUT {order}", who="instructor", body=entries)
    await school.call(f"GET {order}", who="instructor")
    for change in ("hold", "resume", "start"):
        await school.call(f"POST {order}/{change}", who="instructor")
    at = {"video_seconds": 90}
    await school.call(f"POST {order}/position", who="instructor", body=at)
    one = "/v1/rooms/{room}/drops/{id}"
    words = {"message": "Last chance"}
    await school.call(f"PATCH {one}", first["id"], who="instructor", body=words)
    await school.call(f"POST {one}/open", first["id"], who="instructor")
    await school.call(f"POST {one}/close", first["id"], who="instructor")
    again = {"quantity": 1, "duration_seconds": 60}
    await school.call(f"POST {one}/reopen", first["id"], who="instructor", body=again)
    second = await school.call(DROPS, who="instructor", body=form)
    await school.call(f"DELETE {one}", second["id"], who="instructor")
    await school.call("POST /v1/rooms/{room}/screen", who="instructor")


async def lotteries(school: School, batch: Json) -> None:
    prizes = [
        {"batch_id": batch["id"], "ppm": 1_000, "quantity": 5},
        {"batch_id": None, "ppm": 999_000},
    ]
    form = {"name": "Wheel", "prizes": prizes, "chances": {"per_student": 3}, "window": WINDOW}
    made = await school.call("POST /v1/lotteries", body=form)
    await school.call("GET /v1/lotteries")
    await school.call("GET /v1/lotteries/{id}", made["id"], who="ann")
    spin = {"request_id": "spin-1"}
    await school.call("POST /v1/lotteries/{id}/spins", made["id"], who="ann", body=spin)
    await school.call("GET /v1/lotteries/{id}/spins", made["id"], who="ann")
    await school.call("PATCH /v1/lotteries/{id}", made["id"], body={"state": "paused"})


def _now(school: School) -> str:
    return to_text(school.api.clock.now)
