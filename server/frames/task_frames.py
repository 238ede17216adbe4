"""Writes what a student is told of the task of a drop: frames, a part of the welcome, and HTTP responses.

Called by the gateway and the API. The right answer of a question is in none of them.
"""

from collections.abc import Mapping

import orjson

from server.core.drops import why
from server.core.drops.tasks import Progress, Task, progress_to_json, task_to_card


def task_progress(drop_id: str, progress: Progress) -> bytes:
    """Return a task_progress frame."""
    return orjson.dumps({"type": "task_progress", **progress_fields(drop_id, progress)})


def progress_fields(drop_id: str, progress: Progress) -> dict[str, object]:
    """Return task_progress without its type: an element of welcome's `tasks`, and the response of the calls
    of a task."""
    return {"drop_id": drop_id, **progress_to_json(progress)}


def open_fields(task: Task, progress: Progress, tap: int) -> Mapping[str, object]:
    """Return what a claim_result with `task_open` has besides. `tap`: the number of the tap on its drop."""
    return {
        "task": task_to_card(task),
        "progress": progress_to_json(progress),
        "why": why.task_open(task, progress).told(tap),
    }
