"""Tasks: what a student does before a claim of a drop counts. A closed union, its limits, and its JSON.

Part of a drop's form (`drop_rules.py`) and of links. The desk knows only who has done it; a claim of anybody
else is answered `task_open`. The right answer of a question stays on the server: `task_to_card` is what
students are shown, `task_to_json` what the ledger, the feed and the drop's teacher have.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, assert_never

from server.core.audiences.student_events import is_known_type
from server.core.promotions.template_rules import amount_violations, text_violations
from server.core.violations import Violation

MAX_MINUTES: Final = 240
MAX_QUESTION: Final = 200
MAX_OPTION: Final = 80
MIN_OPTIONS: Final = 2
MAX_OPTIONS: Final = 8
MAX_INVITED: Final = 20
MAX_TRIES: Final = 2  # of one student for one question
MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class WatchTask:
    """Be in the room for `minutes` while the drop is open. Earlier classes do not count."""

    minutes: int


@dataclass(frozen=True, slots=True)
class AnswerTask:
    """Choose the right one of the options. `right` is its index."""

    question: str
    options: tuple[str, ...]
    right: int


@dataclass(frozen=True, slots=True)
class SignInTask:
    """Say that one is here: one call."""


@dataclass(frozen=True, slots=True)
class InviteTask:
    """Bring `count` students who are new to the school."""

    count: int


@dataclass(frozen=True, slots=True)
class EventTask:
    """Let the school tell an event of this type about the student while the drop is open."""

    type: str


Task = WatchTask | AnswerTask | SignInTask | InviteTask | EventTask


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a student. `done` and `needed` are in the unit of the task: minutes for `watch`,
    students for `invite`, else 0 or 1. `passed`: a claim counts. `done_seconds` only for `watch`,
    `tries_left` only for `answer`."""

    done: int
    needed: int
    passed: bool
    done_seconds: int | None = None
    tries_left: int | None = None


def kind_of(task: Task) -> str:
    """Return the kind as the contract names it."""
    match task:
        case WatchTask():
            return "watch"
        case AnswerTask():
            return "answer"
        case SignInTask():
            return "sign_in"
        case InviteTask():
            return "invite"
        case EventTask():
            return "event"
        case _:
            assert_never(task)


def task_violations(task: Task, at: str = "task") -> list[Violation]:
    """Return what is wrong with the task, in the order of its fields; empty if it is good."""
    match task:
        case WatchTask(minutes):
            return [*amount_violations(f"{at}.minutes", minutes, 1, MAX_MINUTES)]
        case AnswerTask():
            return [*_answer(task, at)]
        case InviteTask(count):
            return [*amount_violations(f"{at}.count", count, 1, MAX_INVITED)]
        case EventTask(type_):
            return [] if is_known_type(type_) else [Violation(f"{at}.type", "unknown_value")]
        case SignInTask():
            return []
        case _:
            assert_never(task)


def needed(task: Task) -> int:
    """Return how much there is to do, in the unit of the task."""
    match task:
        case WatchTask(minutes):
            return minutes
        case InviteTask(count):
            return count
        case AnswerTask() | SignInTask() | EventTask():
            return 1
        case _:
            assert_never(task)


def progress_of(task: Task, amount: int, passed: bool) -> Progress:
    """Return the progress of a student. `amount` is what the desk keeps: watched ms, tries of an answer,
    invited students; 0 for the other kinds."""
    most = needed(task)
    match task:
        case WatchTask():
            seconds = min(amount // 1000, most * 60)
            done = most if passed else min(amount // MINUTE_MS, most)
            return Progress(done, most, passed, done_seconds=most * 60 if passed else seconds)
        case AnswerTask():
            left = 0 if passed else max(0, MAX_TRIES - amount)
            return Progress(int(passed), most, passed, tries_left=left)
        case InviteTask():
            return Progress(most if passed else min(amount, most), most, passed)
        case SignInTask() | EventTask():
            return Progress(int(passed), most, passed)
        case _:
            assert_never(task)


def progress_to_json(progress: Progress) -> dict[str, object]:
    """Return the progress as frames and responses have it."""
    fields: dict[str, object] = {
        "done": progress.done,
        "needed": progress.needed,
        "passed": progress.passed,
    }
    if progress.done_seconds is not None:
        fields["done_seconds"] = progress.done_seconds
    if progress.tries_left is not None:
        fields["tries_left"] = progress.tries_left
    return fields


def task_to_card(task: Task) -> dict[str, object]:
    """Return the task as students are shown it: without the right answer."""
    fields = task_to_json(task)
    fields.pop("right", None)
    return fields


def task_to_json(task: Task) -> dict[str, object]:
    """Return the whole task, in the form in which an instructor sends it."""
    match task:
        case WatchTask(minutes):
            return {"kind": "watch", "minutes": minutes}
        case AnswerTask(question, options, right):
            return {
                "kind": "answer",
                "question": question,
                "options": list(options),
                "right": right,
            }
        case SignInTask():
            return {"kind": "sign_in"}
        case InviteTask(count):
            return {"kind": "invite", "count": count}
        case EventTask(type_):
            return {"kind": "event", "type": type_}
        case _:
            assert_never(task)


def read_task(stored: Mapping[str, Any] | None) -> Task | None:
    """Read what `task_to_json` wrote; None stands for no task. ValueError for an unknown kind."""
    if stored is None:
        return None
    match stored["kind"]:
        case "watch":
            return WatchTask(stored["minutes"])
        case "answer":
            return AnswerTask(stored["question"], tuple(stored["options"]), stored["right"])
        case "sign_in":
            return SignInTask()
        case "invite":
            return InviteTask(stored["count"])
        case "event":
            return EventTask(stored["type"])
        case other:
            raise ValueError(f"no such task: {other}")


def option_of(task: AnswerTask, option: int | str) -> int | None:
    """Return the index of an option that is named by its index or by its text; None where there is none."""
    if isinstance(option, str):
        return task.options.index(option) if option in task.options else None
    return option if 0 <= option < len(task.options) else None


def _answer(task: AnswerTask, at: str) -> Iterator[Violation]:
    yield from text_violations(f"{at}.question", task.question, MAX_QUESTION)
    if len(task.options) < MIN_OPTIONS:
        yield Violation(f"{at}.options", "too_few")
    if len(task.options) > MAX_OPTIONS:
        yield Violation(f"{at}.options", "too_many")
    if len(set(task.options)) < len(task.options):
        yield Violation(f"{at}.options", "duplicate")
    for number, option in enumerate(task.options):
        yield from text_violations(f"{at}.options.{number}", option, MAX_OPTION)
    if not 0 <= task.right < len(task.options):
        yield Violation(f"{at}.right", "unknown")
