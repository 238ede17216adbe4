"""What a student does with what they won: looks at the price, and the school's back end takes the
payment with the coupon on it.

Called by the people of a lesson, from their own greenlets. A part of the students and not users of its
own: only who won has a coupon, and checkouts come when a drop has just been won, which is when they
compete with the claims.
"""

import secrets

from locust.contrib.fasthttp import FastHttpSession

from loadtest.clients.tokens import NamedToken
from loadtest.lesson.current_lesson import bearer, lesson


def buy(http: FastHttpSession, student: NamedToken, code: str) -> None:
    """Quote, lock, confirm; only the quote where there is no pass for a back end."""
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
