"""A lesson for Locust: `locust -f loadtest/locustfile.py --host URL --secret-file FILE`.

The shape of the lesson and the listeners: options, what processes tell each other, and the verdict
at the end, the storm's own. `python -m loadtest lesson` starts it with a server of its own.
Importing locust patches the whole process: nothing else may import this file.
"""

import asyncio
import logging
import secrets
from typing import Any, Final

from locust import LoadTestShape, events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import WorkerRunner

from client_sdk.python import ApiError
from loadtest.figures import Spread
from loadtest.gates import exceeded, parse_gate
from loadtest.lesson_book import judge_lesson
from loadtest.lesson_people import (
    ALL_HERE,
    EVENTS,
    LEAVING,
    REQUEST_TYPE,
    HastyStudent,
    Instructor,
    Latecomer,
    Student,
    lesson,
)
from loadtest.passes import PassError

__all__ = ["ClassShape", "HastyStudent", "Instructor", "Latecomer", "Student"]

_VERDICT_DEADLINE_S: Final = 15.0
_log = logging.getLogger("loadtest")


class ClassShape(LoadTestShape):
    """All come within the first quarter, most at once before the lesson begins, and leave in the
    last tenth."""

    def tick(self) -> tuple[int, float] | None:
        part = self.get_run_time() / lesson.lasts(1)
        everybody: int = lesson.asked.students
        if part >= 1:
            return None
        if part >= LEAVING:
            left = round(everybody * (1 - part) / (1 - LEAVING))
            return left + 1, max(1.0, everybody / lesson.lasts(1 - LEAVING))
        rate = max(1.0, everybody / lesson.lasts(ALL_HERE * 0.8))
        return everybody + 1, rate


@events.init_command_line_parser.add_listener
def _add_arguments(parser: LocustArgumentParser) -> None:
    group = parser.add_argument_group("lesson")
    group.add_argument("--students", type=int, default=200)
    group.add_argument("--stock", type=int, default=50, help="of each drop")
    group.add_argument("--lesson-seconds", type=float, default=120)
    group.add_argument("--drop-every", type=float, default=15, help="seconds between two drops")
    group.add_argument("--room", default=f"lesson-{secrets.token_hex(4)}")
    group.add_argument("--secret-file", help="the school's secret")
    group.add_argument("--token-file", help="one token a line, all roles; one process only")
    group.add_argument("--fail-on", nargs="+", default=[], help="for example p99_push_ms=500")


@events.init.add_listener
def _begin(environment: Environment, **_more: object) -> None:
    assert environment.parsed_options is not None
    runner = environment.runner
    worker = runner.worker_index if isinstance(runner, WorkerRunner) else 0
    lesson.begin(environment.parsed_options, worker)


@events.report_to_master.add_listener
def _report(client_id: str, data: dict[str, Any], **_more: object) -> None:
    data["lesson"] = lesson.book.changes()


@events.worker_report.add_listener
def _take_report(client_id: str, data: dict[str, Any], **_more: object) -> None:
    lesson.book.merge(data["lesson"])


@events.quitting.add_listener
def _conclude(environment: Environment, **_more: object) -> None:
    """Verdict, gates and failed requests, all three, decide about the exit status."""
    if isinstance(environment.runner, WorkerRunner):
        return
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each call
    failures = [*_findings(environment), *_exceeded(environment)]
    failed = environment.stats.total.num_failures
    if failed:
        failures.append(f"{failed} HTTP requests failed")
    for failure in failures:
        _log.error("verdict: %s", failure)
    if not failures:
        _log.info("verdict: every promise held in %d drops", len(lesson.book.pressed))
    environment.process_exit_code = 1 if failures else 0


def _findings(environment: Environment) -> list[str]:
    if not lesson.book.pressed:
        return ["no drop was opened"]
    judging = judge_lesson(
        lesson.book, environment.host or "", lesson.room, lesson.passes, _VERDICT_DEADLINE_S
    )
    try:
        return [str(finding) for finding in asyncio.run(judging)]
    except (ApiError, PassError) as error:
        return [f"the books could not be read: {error}"]


def _exceeded(environment: Environment) -> list[str]:
    """Locust keeps rounded figures; good enough for a gate."""
    spreads = {}
    for figure, name in EVENTS.items():
        entry = environment.stats.get(name, REQUEST_TYPE)
        p50, p90, p99 = (entry.get_response_time_percentile(one) for one in (0.5, 0.9, 0.99))
        spreads[figure] = Spread(entry.num_requests, p50, p90, p99, entry.max_response_time)
    return exceeded(map(parse_gate, lesson.asked.fail_on), spreads)
