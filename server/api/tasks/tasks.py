"""/v1/drops/{id}/task, /answer, /sign-in: a student does the task of a drop.

An answer may come by the socket too (gateway/rooms/answers.py); both count the same tries on the desk. What
was done is told to all sockets of the student. The answer that is right is in no response.
"""

from contextlib import suppress
from typing import Any

import orjson

from server.api.drops.task_models import Option, TaskProgressResponse, TaskResponse
from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    ApiResponse,
    Endpoint,
    NoBody,
    NoQuery,
)
from server.api.http.fields import Body
from server.core.drops.tasks import AnswerTask, Progress, SignInTask, option_of, task_to_card
from server.core.ids import DropId, StudentId
from server.core.refusals import Code, Refused, invalid_field
from server.desk import DeskUnavailableError
from server.desk.drops.task_desk import TaskOf
from server.desk.feed.coupon_changes import CouponChange
from server.frames import task_frames


class AnswerBody(Body):
    """`option`: the index of an option from 0, or its text."""

    option: Option


class OwnTaskResponse(TaskProgressResponse):
    """A student's progress, with the task as the card shows it."""

    task: TaskResponse


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    of = await find_task(deps, request)
    if isinstance(of, Refused):
        return of
    student = request.identity.subject
    progress = (await deps.drop_desk.tasks.progress_of([of], [student]))[0][student]
    fields = task_frames.progress_fields(of.drop_id, progress)
    return ApiResponse(orjson.dumps({**fields, "task": task_to_card(of.task)}))


async def answer(
    deps: ApiDependencies, request: ApiRequest[AnswerBody, NoQuery]
) -> ApiResponse | Refused:
    of = await find_task(deps, request)
    if isinstance(of, Refused):
        return of
    if not isinstance(of.task, AnswerTask):
        return _other_task()
    option = option_of(of.task, request.body.option)
    if option is None:
        return invalid_field("option", "unknown")
    student = request.identity.subject
    found = await deps.drop_desk.tasks.count_answers(of, [(student, option == of.task.right)])
    return await _done(deps, of, student, found.get(student))


async def sign_in(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    of = await find_task(deps, request)
    if isinstance(of, Refused):
        return of
    if not isinstance(of.task, SignInTask):
        return _other_task()
    student = request.identity.subject
    is_open = await deps.drop_desk.tasks.set_done(of, {student: 1})
    return await _done(deps, of, student, Progress(1, 1, passed=True) if is_open else None)


async def find_task(deps: ApiDependencies, request: ApiRequest[Any, NoQuery]) -> TaskOf | Refused:
    """Return the task that the student may do; or why not: rate_limited, not_found (also for a drop without a
    task, or one that is for others), wrong_room."""
    identity, drop_id = request.identity, request.path["id"]
    wait_ms = deps.claim_limiter.admit(identity.subject, request.now)
    if wait_ms is not None:
        return Refused(Code.RATE_LIMITED, facts={"retry_after_s": -(-wait_ms // 1000)})
    drop = await deps.drop_lookup.find(deps.ledger, drop_id, identity.rooms, request.now)
    if drop is None or drop.task is None:
        return Refused(Code.NOT_FOUND)
    if not identity.may_claim_in(drop.room):
        return Refused(Code.WRONG_ROOM)
    if not drop.audience.admits(identity.subject, identity.tags, identity.is_new):
        return Refused(Code.NOT_FOUND)
    return TaskOf(drop.shard, DropId(drop_id), drop.task)


def _other_task() -> Refused:
    return Refused(Code.WRONG_STATE, "the drop has another task")


async def _done(
    deps: ApiDependencies, of: TaskOf, student: str, progress: Progress | None
) -> ApiResponse | Refused:
    """Answer with the progress, and tell it to the student's sockets, in whichever process they are."""
    if progress is None:
        return Refused(Code.WRONG_STATE, "the drop is not open")
    fields = task_frames.progress_fields(of.drop_id, progress)
    change = CouponChange(StudentId(student), {"type": "task_progress", **fields})
    # It is written down, and a welcome says it too: that a frame was lost must not fail the call.
    with suppress(DeskUnavailableError):
        await deps.feed.publish_changes([change])
    return ApiResponse(orjson.dumps(fields))


_TASK = "/v1/drops/{id}"
_REFUSES = (Code.WRONG_ROOM, Code.RATE_LIMITED)

ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path=_TASK + "/task",
        rule=auth.STUDENT,
        handler=show,
        response=OwnTaskResponse,
        summary="Get the task of a drop, and how far the student is",
        refuses=_REFUSES,
    ),
    Endpoint(
        method="POST",
        path=_TASK + "/answer",
        rule=auth.STUDENT,
        handler=answer,
        body=AnswerBody,
        response=TaskProgressResponse,
        summary="Answer the question of a drop; two tries",
        refuses=(*_REFUSES, Code.WRONG_STATE),
    ),
    Endpoint(
        method="POST",
        path=_TASK + "/sign-in",
        rule=auth.STUDENT,
        handler=sign_in,
        response=TaskProgressResponse,
        summary="Sign in, where that is the task of a drop. Repeatable",
        refuses=(*_REFUSES, Code.WRONG_STATE),
    ),
)
