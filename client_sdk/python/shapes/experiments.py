"""Experiments: batches side by side, each for a share. Twin of `javascript/shapes/experiments.js`."""

from typing import Literal, NotRequired, TypedDict

ExperimentState = Literal["running", "ended"]
ExperimentMeasure = Literal["claimed", "used", "bought", "revenue"]


class ExperimentVariant(TypedDict):
    """A batch, and its share in percent."""

    batch_id: str
    share: int


class ExperimentForm(TypedDict):
    """Shares add up to 100, or to 100 with `hold_out`, the percentage of students who get nothing."""

    name: str
    variants: list[ExperimentVariant]
    hold_out: NotRequired[int]
    metadata: NotRequired[dict[str, str] | None]


class Experiment(TypedDict):
    """An experiment, as in a list."""

    id: str
    name: str
    state: ExperimentState
    variants: list[ExperimentVariant]
    hold_out: int
    currency: str
    created_by: str
    created_at: str
    ended_at: NotRequired[str]
    metadata: dict[str, str]


class ExperimentPerStudent(TypedDict):
    """Figures for each exposed student: proportions, and money in minor units."""

    claimed: float
    used: float
    bought: float
    revenue: float
    cost: float


class ExperimentGroup(TypedDict):
    """A group and what it did. `batch_id` null: those who are held out."""

    batch_id: str | None
    exposed: int
    claimed: int
    used: int
    bought: int
    orders: int
    revenue: int
    cost: int
    per_student: ExperimentPerStudent | None


class ExperimentInterval(TypedDict):
    """A difference of a group from the base, and bounds of the true one that are good at all looks together.

    Null while a group has fewer than 100 students.
    """

    batch_id: str
    base_batch_id: str | None
    measure: ExperimentMeasure
    difference: float | None
    low: float | None
    high: float | None
    sure: bool


class SplitAlarm(TypedDict):
    """The groups are not of the sizes that they should be: do not trust the figures."""

    p_value: float
    exposed: list[int]
    expected: list[int]


class ExperimentResult(Experiment):
    """An experiment with its result as of now. `figures`: by variant, the hold-out last."""

    figures: list[ExperimentGroup]
    interval: list[ExperimentInterval]
    alarm: SplitAlarm | None


class Experiments(TypedDict):
    """A page of experiments, newest first. `next` is null on the last page."""

    experiments: list[Experiment]
    next: str | None
