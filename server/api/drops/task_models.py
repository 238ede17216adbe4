"""The task of a drop or a link as JSON: the bodies of each kind, and the progress of a student.

Used by the models of drops, claims and tasks, and by those of links. Only shapes and sizes; the rules are in
core/drops/tasks.py.
"""

from typing import Annotated, Literal, assert_never

from pydantic import ConfigDict, Discriminator, Field, StringConstraints, Tag

from server.api.http.fields import Body, Readable, ResponseModel, ShortText, absent
from server.core.drops import tasks
from server.core.drops.tasks import (
    MAX_INVITED,
    MAX_MINUTES,
    MAX_OPTION,
    MAX_OPTIONS,
    MAX_QUESTION,
    MIN_OPTIONS,
)

_Question = Annotated[str, StringConstraints(min_length=1, max_length=MAX_QUESTION), Readable]
OptionText = Annotated[str, StringConstraints(min_length=1, max_length=MAX_OPTION), Readable]
OptionNumber = Annotated[int, Field(ge=0, lt=MAX_OPTIONS)]


def _option_kind(sent: object) -> str:
    """Return the tag of the union below. An error then names the field, not each type that it may have."""
    return "[number]" if isinstance(sent, int) else "[text]"


Option = Annotated[
    Annotated[OptionNumber, Tag("[number]")] | Annotated[OptionText, Tag("[text]")],
    Discriminator(_option_kind),
]


class WatchTask(Body):
    """Be in the room for so many minutes while the drop is open."""

    kind: Literal["watch"]
    minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES)]


class AnswerTask(Body):
    """Choose the right option in two tries. `right` is its index from 0, or its text; students never get
    it."""

    kind: Literal["answer"]
    question: _Question
    options: Annotated[list[OptionText], Field(min_length=MIN_OPTIONS, max_length=MAX_OPTIONS)]
    right: Option


class SignInTask(Body):
    """Press a button."""

    kind: Literal["sign_in"]


class InviteTask(Body):
    """Bring so many students who are new to the school."""

    kind: Literal["invite"]
    count: Annotated[int, Field(ge=1, le=MAX_INVITED)]


class EventTask(Body):
    """Let the school tell an event of this type about the student while the drop is open."""

    kind: Literal["event"]
    type: ShortText


TaskBody = Annotated[
    WatchTask | AnswerTask | SignInTask | InviteTask | EventTask, Field(discriminator="kind")
]


class TaskResponse(ResponseModel):
    """A task. `right` is told to the drop's instructors, and to nobody else."""

    kind: Literal["watch", "answer", "sign_in", "invite", "event"]
    minutes: int | None = absent()
    question: str | None = absent()
    options: list[str] | None = absent()
    right: int | None = absent()
    count: int | None = absent()
    type: str | None = absent()


class ProgressResponse(ResponseModel):
    """`done` of `needed` minutes (`watch`) or students (`invite`), else 0 or 1 of 1. `passed`: a claim
    counts. `done_seconds`: of `watch`; `tries_left`: of `answer`."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    done: int
    needed: int
    passed: bool
    done_seconds: int | None = absent()
    tries_left: int | None = absent()


class TaskProgressResponse(ProgressResponse):
    """A student's progress with the task of a drop."""

    drop_id: str


def task_of(body: TaskBody | None) -> tasks.Task | None:
    """Return the task that was sent. An option that does not exist becomes the index -1, which the rules
    refuse."""
    match body:
        case None:
            return None
        case WatchTask():
            return tasks.WatchTask(body.minutes)
        case AnswerTask():
            return _answer_of(body)
        case SignInTask():
            return tasks.SignInTask()
        case InviteTask():
            return tasks.InviteTask(body.count)
        case EventTask():
            return tasks.EventTask(body.type)
        case _:
            assert_never(body)


def _answer_of(body: AnswerTask) -> tasks.AnswerTask:
    task = tasks.AnswerTask(body.question, tuple(body.options), -1)
    right = tasks.option_of(task, body.right)
    return tasks.AnswerTask(body.question, task.options, -1 if right is None else right)
