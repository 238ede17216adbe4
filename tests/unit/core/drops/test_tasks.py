from typing import cast

import pytest

from server.core.drops import tasks
from server.core.drops.tasks import (
    AnswerTask,
    EventTask,
    InviteTask,
    SignInTask,
    Task,
    WatchTask,
)

QUESTION = AnswerTask("Which one?", ("a", "b"), 1)
ALL: list[Task] = [WatchTask(10), QUESTION, SignInTask(), InviteTask(3), EventTask("x.form")]


@pytest.mark.parametrize("task", ALL)
def test_a_task_survives_its_json(task: Task) -> None:
    assert tasks.read_task(tasks.task_to_json(task)) == task
    assert tasks.task_violations(task) == []
    assert tasks.task_to_json(task)["kind"] == tasks.kind_of(task)


def test_no_task_is_none() -> None:
    assert tasks.read_task(None) is None


def test_an_unknown_kind_is_a_fault() -> None:
    with pytest.raises(ValueError, match="no such task"):
        tasks.read_task({"kind": "dance"})


@pytest.mark.parametrize("task", ALL)
def test_the_right_answer_is_never_on_a_card(task: Task) -> None:
    assert "right" not in tasks.task_to_card(task)


@pytest.mark.parametrize(
    ("task", "field", "code"),
    [
        (WatchTask(0), "task.minutes", "too_small"),
        (WatchTask(241), "task.minutes", "too_large"),
        (InviteTask(0), "task.count", "too_small"),
        (EventTask("made_up"), "task.type", "unknown_value"),
        (AnswerTask("", ("a", "b"), 0), "task.question", "too_short"),
        (AnswerTask("?", ("a",), 0), "task.options", "too_few"),
        (AnswerTask("?", tuple("abcdefghi"), 0), "task.options", "too_many"),
        (AnswerTask("?", ("a", "a"), 0), "task.options", "duplicate"),
        (AnswerTask("?", ("a", ""), 0), "task.options.1", "too_short"),
        (AnswerTask("?", ("a", "b"), 2), "task.right", "unknown"),
        (AnswerTask("?", ("a", "b"), -1), "task.right", "unknown"),
    ],
)
def test_what_is_wrong_is_named(task: Task, field: str, code: str) -> None:
    found = [(one.field, one.code) for one in tasks.task_violations(task)]
    assert found == [(field, code)]


@pytest.mark.parametrize(
    ("option", "index"), [(0, 0), (1, 1), ("b", 1), (2, None), (-1, None), ("c", None)]
)
def test_an_option_is_named_by_index_or_text(option: int | str, index: int | None) -> None:
    assert tasks.option_of(QUESTION, option) == index


@pytest.mark.parametrize(
    ("task", "amount", "passed", "fields"),
    [
        (WatchTask(2), 61_900, False, {"done": 1, "needed": 2, "done_seconds": 61}),
        (WatchTask(2), 119_000, True, {"done": 2, "needed": 2, "done_seconds": 120}),
        (QUESTION, 1, False, {"done": 0, "needed": 1, "tries_left": 1}),
        (QUESTION, 5, False, {"done": 0, "needed": 1, "tries_left": 0}),
        (QUESTION, 0, True, {"done": 1, "needed": 1, "tries_left": 0}),
        (InviteTask(3), 2, False, {"done": 2, "needed": 3}),
        (InviteTask(3), 0, True, {"done": 3, "needed": 3}),
        (SignInTask(), 0, True, {"done": 1, "needed": 1}),
        (EventTask("x.a"), 0, False, {"done": 0, "needed": 1}),
    ],
)
def test_progress_is_in_the_unit_of_its_task(
    task: Task, amount: int, passed: bool, fields: dict[str, int]
) -> None:
    found = tasks.progress_to_json(tasks.progress_of(task, amount, passed))
    assert found == {**fields, "passed": passed}


def test_a_task_may_have_another_place_in_the_body() -> None:
    broken = tasks.task_violations(cast(Task, WatchTask(0)), "link.task")
    assert broken[0].field == "link.task.minutes"
