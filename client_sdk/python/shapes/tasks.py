"""Tasks: what a student does before a claim of a drop counts, and how far they are."""

from typing import Literal, NotRequired, TypedDict

TaskKind = Literal["watch", "answer", "sign_in", "invite", "event"]


class WatchTaskForm(TypedDict):
    """Be in the room for so many minutes while the drop is open."""

    kind: Literal["watch"]
    minutes: int


class AnswerTaskForm(TypedDict):
    """Choose the right option in two tries. `right` is its index from 0, or its text."""

    kind: Literal["answer"]
    question: str
    options: list[str]
    right: int | str


class SignInTaskForm(TypedDict):
    """Press a button."""

    kind: Literal["sign_in"]


class InviteTaskForm(TypedDict):
    """Bring so many students who are new to the school."""

    kind: Literal["invite"]
    count: int


class EventTaskForm(TypedDict):
    """Let the school tell an event of this type about the student while the drop is open."""

    kind: Literal["event"]
    type: str


TaskForm = WatchTaskForm | AnswerTaskForm | SignInTaskForm | InviteTaskForm | EventTaskForm


class Task(TypedDict):
    """A task. `right` is there for the drop's instructors only."""

    kind: TaskKind
    minutes: NotRequired[int]
    question: NotRequired[str]
    options: NotRequired[list[str]]
    right: NotRequired[int]
    count: NotRequired[int]
    type: NotRequired[str]


class TaskState(TypedDict):
    """The progress of a student: `done` of `needed` minutes (`watch`) or students (`invite`), else 0 or 1.

    `passed`: a claim counts. `done_seconds` comes with `watch`, `tries_left` with `answer`.
    """

    done: int
    needed: int
    passed: bool
    done_seconds: NotRequired[int]
    tries_left: NotRequired[int]


class TaskProgress(TaskState):
    """The progress of the student with the task of a drop."""

    drop_id: str


class OwnTask(TaskProgress):
    """The same, with the task as the card shows it."""

    task: Task


class InviteLink(TaskProgress):
    """The student's own link. Its `code` names nobody."""

    code: str
    url: str


class Invitation(TypedDict):
    """The end of an arrival by a link. `reason` comes where it was not counted. The drop is in a `room`, or
    behind a claim `link` with this name in its address."""

    drop_id: str
    room: NotRequired[str]
    link: NotRequired[str]
    counted: bool
    reason: NotRequired[
        Literal["self", "same_person", "same_device", "not_new", "came_before", "closed"]
    ]


class AnswerForm(TypedDict):
    """The body that answers a question: the index of an option from 0, or its text."""

    option: int | str
