"""Jobs: work that an operator asks for and that goes on after the request, such as an export.

Made by flows, driven by workers (flows/jobs.py), read at GET /v1/jobs/{id}.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class JobKind(StrEnum):
    """The work of a job."""

    EXPORT = "export"
    ERASE = "erase"
    MERGE = "merge"
    CHECK = "check"
    REPAIR = "repair"


class JobState(StrEnum):
    """The state of a job; the last two are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `subject` is the id of what it works on, `detail` what else it needs (JSON values).

    `progress` is a percentage. `report` says what was done, in JSON values; `has_result`: a file can be
    fetched until `result_until` (ms). `error` is the code of what made it fail.
    """

    id: str
    kind: JobKind
    subject: str
    created_by: str
    created_at: int
    detail: Mapping[str, object] = field(default_factory=dict)
    state: JobState = JobState.QUEUED
    attempts: int = 0
    progress: int | None = None
    report: Mapping[str, object] | None = None
    error: str | None = None
    done_at: int | None = None
    result_until: int | None = None
