"""The instructor of a lesson, as a Locust user.

Locust finds it through `locustfile`. Only a process of Locust's may import this module.
"""

import logging
import random
from typing import Final

from locust import FastHttpUser, task
from locust.contrib.fasthttp import FastResponse
from locust.exception import StopUser

from loadtest.clients.school_api import TEMPLATE
from loadtest.lesson.current_lesson import ALL_HERE, LAST_DROP, lesson
from loadtest.lesson.room_connection import now_ms
from loadtest.lesson.students import PRESSED_AT

# More drops than any lesson has; a student may win in each of them.
_MOST_DROPS: Final = 100
_OPEN_SECONDS: Final = 30
_log = logging.getLogger("loadtest")


class Instructor(FastHttpUser):
    """The one instructor: opens drops on a schedule, and reads the counts in between, as the console does."""

    fixed_count = 1
    insecure = False

    def on_start(self) -> None:
        self._next_at = lesson.seconds_of(ALL_HERE)
        self._drop_id: str | None = None
        self._headers = lesson.staff("instructor")
        self._batch_id = lesson.options.batch or self._make_batch()

    def wait_time(self) -> float:
        return random.uniform(0.9, 1.1)

    @task
    def teach(self) -> None:
        passed_s = (now_ms() - lesson.began_at) / 1000
        if self._next_at <= passed_s < lesson.seconds_of(LAST_DROP):
            self._next_at += lesson.options.drop_every
            self._press()
        elif self._drop_id is not None:
            self.client.get(
                f"/v1/rooms/{lesson.room}/drops/{self._drop_id}",
                headers=self._headers,
                name="/v1/rooms/{room}/drops/{id}",
            )

    def _make_batch(self) -> str:
        operator = lesson.staff("operator")
        template = self.client.post("/v1/templates", json=TEMPLATE, headers=operator)
        form = {
            "template_id": self._id_of(template),
            "name": "Lesson",
            "channel": "live",
            "quantity": _MOST_DROPS * lesson.options.stock,
            "per_student": _MOST_DROPS,
        }
        return self._id_of(self.client.post("/v1/batches", json=form, headers=operator))

    def _id_of(self, made: FastResponse) -> str:
        """Return the id of what was created. Stops the test if it was not: without a batch there is no
        lesson."""
        if made.status_code != 201:
            why = made.text or getattr(
                made, "error", ""
            )  # the second if the server could not be reached
            _log.error("no batch to drop from: %s", why)
            self.environment.runner.quit()
            raise StopUser
        found: str = made.json()["id"]
        return found

    def _press(self) -> None:
        at = now_ms()
        form = {
            "batch_id": self._batch_id,
            "quantity": lesson.options.stock,
            "duration_seconds": _OPEN_SECONDS,
            "message": f"{PRESSED_AT}{at}",
        }
        answer = self.client.post(
            f"/v1/rooms/{lesson.room}/drops",
            json=form,
            headers=self._headers,
            name="/v1/rooms/{room}/drops",
        )
        if answer.status_code == 201:
            self._drop_id = answer.json()["id"]
            lesson.outcomes.add_drop(self._drop_id, lesson.options.stock, at)
