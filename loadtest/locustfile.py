"""The file that Locust loads: `locust -f loadtest/locustfile.py --host URL --secret-file FILE`.

Holds the shape of the lesson and the listeners: options, the exchange between Locust's processes, and the
verdict at the end, which is the same as a storm's. `python -m loadtest lesson` starts it with a server of its
own. Importing locust patches the whole process, so nothing else may import this file.
"""

import asyncio
import gc
import logging
import sys
from typing import Any, Final

import gevent
import gevent.ssl
from geventhttpclient.client import HTTPClientPool
from locust import LoadTestShape, events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import WORKER_REPORT_INTERVAL, MasterRunner, WorkerRunner

from client_sdk.python import ApiError
from loadtest.clients.school_api import api_as
from loadtest.clients.tokens import TokenError
from loadtest.gates import Gate, exceeded, parse_gate
from loadtest.lesson.current_lesson import ALL_HERE, EVENTS, LEAVING, REQUEST_TYPE, lesson
from loadtest.lesson.instructor import Instructor
from loadtest.lesson.school_backend import SchoolBackend
from loadtest.lesson.school_log import judge_school
from loadtest.lesson.student_outcomes import judge_lesson
from loadtest.lesson.students import HastyStudent, Latecomer, Person, Student
from loadtest.percentiles import Spread
from loadtest.storm.client_process import raise_open_files
from loadtest.verdict import Finding

__all__ = ["ClassShape", "HastyStudent", "Instructor", "Latecomer", "SchoolBackend", "Student"]

_VERDICT_DEADLINE_S: Final = 15.0
_FAILED, _NOT_RUN = 1, 2  # exit statuses
_HTTP_CONNECTIONS: Final = 64  # of all students of one process together
_HTTP_DEADLINE_S: Final = 10.0
_STAFF: Final = 2  # the instructor and the back end
_GROUPS: Final = 5  # number of steps in which students leave at the end
# A process has some hundred thousand objects that live until its end. A full garbage collection stops all
# students for a good part of a second, and the objects of a new drop would trigger one just then.
_RARELY: Final = (20_000, 5, 1_000)
_BEHIND_MS: Final = 1_000  # reading that lags by more than this is reported
_log = logging.getLogger("loadtest")


class ClassShape(LoadTestShape):
    """Students arrive within the first quarter, most of them before the lesson begins, and leave in the last
    tenth."""

    def tick(self) -> tuple[int, float] | None:
        part = self.get_run_time() / lesson.seconds_of(1)
        everybody: int = lesson.options.students
        if part >= 1:
            return None
        if part >= LEAVING:
            gone = int((part - LEAVING) / (1 - LEAVING) * _GROUPS + 1) / _GROUPS
            return _STAFF + round(everybody * (1 - min(gone, 1))), max(1.0, everybody / _GROUPS)
        return _STAFF + everybody, max(1.0, everybody / lesson.seconds_of(ALL_HERE * 0.8))


@events.init_command_line_parser.add_listener
def _add_arguments(parser: LocustArgumentParser) -> None:
    group = parser.add_argument_group("lesson")
    group.add_argument("--students", type=int, default=200)
    group.add_argument("--stock", type=int, default=50, help="of each drop")
    group.add_argument("--lesson-seconds", type=float, default=120)
    group.add_argument("--drop-every", type=float, default=15, help="seconds between two drops")
    group.add_argument("--room", help="default: one of its own")
    group.add_argument("--batch", help="drop from this batch; default: one is made")
    group.add_argument("--secret-file", help="the school's secret")
    group.add_argument("--token-file", help="one token a line, all roles; one process only")
    group.add_argument("--fail-on", nargs="+", default=[], help="for example p99_push_ms=500")


@events.init.add_listener
def _prepare(environment: Environment, **_more: object) -> None:
    assert environment.parsed_options is not None
    raise_open_files()
    gc.set_threshold(*_RARELY)
    try:
        lesson.prepare(environment.parsed_options)
        _gates()
    except (TokenError, ValueError) as error:
        _log.error("%s", error)
        sys.exit(_NOT_RUN)


@events.test_start.add_listener
def _begin(environment: Environment, **_more: object) -> None:
    runner = environment.runner
    lesson.begin(
        environment.host or "", runner.worker_index if isinstance(runner, WorkerRunner) else 0
    )
    Person.client_pool = HTTPClientPool(
        concurrency=_HTTP_CONNECTIONS,
        connection_timeout=_HTTP_DEADLINE_S,
        network_timeout=_HTTP_DEADLINE_S,
        ssl_context_factory=gevent.ssl.create_default_context,
    )


@events.report_to_master.add_listener
def _report(client_id: str, data: dict[str, Any], **_more: object) -> None:
    if lesson.has_begun:  # a worker process reports from its start, before the test begins
        data["lesson"] = lesson.outcomes.changes()
        data["school"] = lesson.school.changes()
        data["behind_ms"] = lesson.endpoint.backlog.longest_wait_ms


@events.worker_report.add_listener
def _take_report(client_id: str, data: dict[str, Any], **_more: object) -> None:
    if "lesson" in data:
        lesson.outcomes.merge(data["lesson"])
        lesson.school.merge(data["school"])
        backlog = lesson.endpoint.backlog
        backlog.longest_wait_ms = max(backlog.longest_wait_ms, data["behind_ms"])


@events.test_stop.add_listener
def _conclude(environment: Environment, **_more: object) -> None:
    """Judge the lesson. The verdict, the gates and failed requests all decide about the exit status."""
    if isinstance(environment.runner, WorkerRunner):
        return
    if isinstance(environment.runner, MasterRunner):
        gevent.sleep(2 * WORKER_REPORT_INTERVAL)  # the workers' last reports are on their way
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs one line for each call
    behind_ms = lesson.endpoint.backlog.longest_wait_ms
    if behind_ms > _BEHIND_MS:
        _log.warning(
            "%.1f s behind with reading: too many students for one process", behind_ms / 1000
        )
    failed = environment.stats.total.num_failures
    failures = [*_judge(environment), *_exceeded(environment)]
    if failed:
        failures.append(f"{failed} HTTP requests failed")
    for failure in failures:
        _log.error("verdict: %s", failure)
    if not failures:
        _log.info("verdict: every promise held in %d drops", len(lesson.outcomes.opened_drops))
    broken = _FAILED if lesson.outcomes.opened_drops else _NOT_RUN
    environment.process_exit_code = broken if failures else 0


@events.quitting.add_listener
def _stop_first(environment: Environment, **_more: object) -> None:
    """Stop the test before the process ends, also after Ctrl-C, so that the verdict is known before the exit
    status."""
    if environment.runner is not None:
        environment.runner.stop()


def _judge(environment: Environment) -> list[str]:
    if not lesson.outcomes.opened_drops:
        return ["no drop was opened"]
    try:
        findings = [str(finding) for finding in asyncio.run(_find(environment.host or ""))]
    except ApiError as error:
        findings = [f"the books could not be read: {error}"]
    _show(environment, findings)
    return findings


async def _find(url: str) -> list[Finding]:
    """Judge what students received, and what the school's back end reads in the event log."""
    outcomes = lesson.outcomes
    token = lesson.tokens.staff("instructor", lesson.room).token
    histories = outcomes.histories(lesson.is_private)
    findings = await judge_lesson(histories, url, lesson.room, token, _VERDICT_DEADLINE_S)
    if lesson.school.first_seq is None:
        return findings
    token = lesson.tokens.staff("service", lesson.room).token
    confirmed = outcomes.confirmed_coupons()
    findings += await judge_school(lesson.school, confirmed, url, token, _VERDICT_DEADLINE_S)
    if lesson.webhook_id is not None:
        async with api_as(url, lesson.tokens.staff("operator", lesson.room).token) as api:
            await api.remove_webhook(lesson.webhook_id)
    return findings


def _show(environment: Environment, findings: list[str]) -> None:
    """Show the findings on Locust's page as a request and its failures: it has no other place for them."""
    for failure in map(AssertionError, findings) if findings else (None,):
        environment.events.request.fire(
            request_type="verdict",
            name="every promise held",
            response_time=0,
            response_length=0,
            exception=failure,
            context={},
        )


def _gates() -> list[Gate]:
    return [parse_gate(text) for text in lesson.options.fail_on]


def _exceeded(environment: Environment) -> list[str]:
    """Check the gates. Locust keeps rounded percentiles, which is exact enough for a gate."""
    spreads = {}
    for delay, name in EVENTS.items():
        entry = environment.stats.get(name, REQUEST_TYPE)
        p50, p90, p99 = (entry.get_response_time_percentile(one) for one in (0.5, 0.9, 0.99))
        spreads[delay] = Spread(entry.num_requests, p50, p90, p99, entry.max_response_time)
    return exceeded(_gates(), spreads)
