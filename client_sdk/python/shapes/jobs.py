"""Jobs: work that goes on after the request."""

from typing import Literal, NotRequired, TypedDict

JobKind = Literal["export", "erase", "merge", "check", "repair"]
JobState = Literal["queued", "running", "done", "failed"]


class Job(TypedDict):
    """A job. `progress` is a percentage, `report` says what was done. `result_url` leads to the file that it
    made, until `result_until`. `error` is the code of what made it fail."""

    id: str
    kind: JobKind
    state: JobState
    subject: str
    created_by: str
    created_at: str
    done_at: NotRequired[str]
    progress: NotRequired[int]
    report: NotRequired[dict[str, object]]
    result_url: NotRequired[str]
    result_until: NotRequired[str]
    error: NotRequired[str]
