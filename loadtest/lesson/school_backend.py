"""The school's back end, as a Locust user: gives coupons without a tap while the class claims.

Locust finds it through `locustfile`. Only a process of Locust's may import this module.
"""

import random
from typing import Final, cast

from locust import FastHttpUser, task
from locust.exception import StopUser
from locust.runners import WorkerRunner

from client_sdk.python.shapes import Events, Issuance
from loadtest.clients.school_api import TEMPLATE
from loadtest.clients.tokens import TokenError
from loadtest.lesson.current_lesson import lesson
from loadtest.lesson.school_log import CONFIRMED
from loadtest.lesson.webhook_receiver import WebhookReceiver

_STUDENTS_AT_ONCE: Final = 20  # the reply then has the outcome of each
_MOST_EACH: Final = 100
# The log is read up to its end by asking for a type that is rare: pages of it are nearly empty.
_RARE: Final = "webhook.disabled"


class SchoolBackend(FastHttpUser):
    """The one back end. It takes no part if there is no token of a service and of an operator."""

    fixed_count = 1
    insecure = False

    def on_start(self) -> None:
        service = lesson.service()
        if service is None:
            raise StopUser
        self._service = service
        self._operator = self._operator_headers()
        self._batch_id = self._make_batch()
        lesson.school.first_seq = self._last_seq()
        # With several processes the one that judges is not this one.
        if not isinstance(self.environment.runner, WorkerRunner):
            self._make_webhook()

    def wait_time(self) -> float:
        return random.uniform(1.0, 3.0)

    @task
    def issue(self) -> None:
        """Give a coupon to some of those who are in the room, and note who got one."""
        present = lesson.outcomes.present()
        if not present:
            return
        students = random.sample(present, min(_STUDENTS_AT_ONCE, len(present)))
        form = {"batch_id": self._batch_id, "students": students, "reason": "load test"}
        reply = self.client.post("/v1/issuances", json=form, headers=self._service)
        if reply.status_code == 200:
            issuance = cast(Issuance, reply.json())
            for item in issuance["items"]:
                if item["outcome"] == "issued":
                    lesson.school.issued[item["coupon_id"]] = item["student"]

    def _operator_headers(self) -> dict[str, str]:
        try:
            return lesson.staff("operator")
        except TokenError:
            raise StopUser from None

    def _make_webhook(self) -> None:
        """Let the events come to this process. A server that is not ours may refuse private receivers."""
        receiver = WebhookReceiver(lesson.school)
        receiver.start()
        form = {"url": receiver.url, "types": [CONFIRMED], "batch": True}
        with self.client.post(
            "/v1/webhooks", json=form, headers=self._operator, catch_response=True
        ) as reply:
            if reply.status_code == 201:
                receiver.secret = reply.json()["secret"]
                lesson.school.has_receiver = True
                lesson.webhook_id = reply.json()["id"]
                return
            if reply.status_code == 422:  # `url`: not_public
                reply.success()
        receiver.close()

    def _make_batch(self) -> str:
        template = self.client.post("/v1/templates", json=TEMPLATE, headers=self._operator)
        form = {
            "template_id": template.json()["id"],
            "name": "Lesson, without a tap",
            "channel": "load test",
            "quantity": None,
            "per_student": _MOST_EACH,
        }
        made: str = self.client.post("/v1/batches", json=form, headers=self._operator).json()["id"]
        return made

    def _last_seq(self) -> int:
        """Return the number of the newest event there is."""
        after = 0
        while True:
            query = f"/v1/events?types={_RARE}&limit=1000&after={after}"
            reply = self.client.get(query, headers=self._service, name="/v1/events")
            page = cast(Events, reply.json())
            if page["next"] == after:
                return after
            after = page["next"]
