"""A purchase by a student who has won: a quote, then the school's back end takes the payment with the coupon.

Called by the students of a lesson, from their own greenlets. Checkouts are a part of the students, not users
of their own: only a winner has a coupon, and checkouts have to happen just after a drop, when they compete
with its claims.
"""

import secrets

from locust.contrib.fasthttp import FastHttpSession

from loadtest.clients.tokens import NamedToken
from loadtest.lesson.current_lesson import bearer, lesson


def buy(http: FastHttpSession, student: NamedToken, code: str) -> None:
    """Get a quote, lock the coupon, confirm the payment. Only the quote, if there is no token of a back
    end."""
    line = {"id": "1", "course": "algebra", "unit_price": 9_900, "quantity": 1}
    order = {"currency": "CNY", "lines": [line]}
    quote = {"order": order, "coupons": [code]}
    http.post("/v1/quotes", json=quote, headers=bearer(student.token))
    service = lesson.service()
    if service is not None:
        _redeem(http, student, {"order": order, "coupons": [code]}, service)


def _redeem(
    http: FastHttpSession, student: NamedToken, quote: dict[str, object], service: dict[str, str]
) -> None:
    order_id = secrets.token_hex(8)
    form = {**quote, "order_id": order_id, "student": student.name}
    locked = http.post("/v1/redemptions", json=form, headers=service)
    if locked.status_code == 201:
        http.post(
            f"/v1/redemptions/{locked.json()['id']}/confirm",
            json={"payment_ref": order_id},
            headers=service,
            name="/v1/redemptions/{id}/confirm",
        )
