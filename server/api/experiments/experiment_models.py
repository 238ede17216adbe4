"""The shapes of experiments: variants, figures of each group, intervals, and the alarm of the split."""

from server.api.http.fields import Currency, Moment, ResponseModel, absent
from server.core.experiments.experiments import HELD_OUT, Experiment, ExperimentState
from server.core.experiments.results import Comparison, Measure, Sums
from server.flows.experiments.experiments import Shown


class ExperimentVariantResponse(ResponseModel):
    batch_id: str
    share: int


class ExperimentResponse(ResponseModel):
    """`currency`: of its batches, and of the orders that it counts."""

    id: str
    name: str
    state: ExperimentState
    variants: list[ExperimentVariantResponse]
    hold_out: int
    currency: Currency
    created_by: str
    created_at: Moment
    ended_at: Moment | None = absent()
    metadata: dict[str, str]


class PerStudentResponse(ResponseModel):
    """Figures for each exposed student: proportions, and money in minor units."""

    claimed: float
    used: float
    bought: float
    revenue: float
    cost: float


class GroupResponse(ResponseModel):
    """A group and what it did; `batch_id` null: those who are held out. Students who were `exposed`; of these
    who `claimed`, `used` a coupon of the batch, and `bought` anything. Their `orders` since, what they paid
    net of refunds (`revenue`), and the discounts of these orders (`cost`). `per_student` null: nobody is
    exposed."""

    batch_id: str | None
    exposed: int
    claimed: int
    used: int
    bought: int
    orders: int
    revenue: int
    cost: int
    per_student: PerStudentResponse | None


class IntervalResponse(ResponseModel):
    """A difference of a group from the base for each exposed student, and the bounds within which the true
    one is, with 95 % at all looks together. `base_batch_id` null: the hold-out. All three are null
    while a group has fewer than 100 students. `sure`: 0 is not within the bounds."""

    batch_id: str
    base_batch_id: str | None
    measure: Measure
    difference: float | None
    low: float | None
    high: float | None
    sure: bool


class SplitAlarmResponse(ResponseModel):
    """Groups of these sizes come in less than one of 1,000 experiments that are split as they should be: do
    not trust the figures. `exposed` and `expected` are in the order of `figures`."""

    p_value: float
    exposed: list[int]
    expected: list[int]


class ExperimentResultResponse(ExperimentResponse):
    """An experiment with its result as of now. `figures`: by variant, the hold-out last."""

    figures: list[GroupResponse]
    interval: list[IntervalResponse]
    alarm: SplitAlarmResponse | None


class ExperimentPageResponse(ResponseModel):
    experiments: list[ExperimentResponse]
    next: str | None


def experiment_response(experiment: Experiment) -> ExperimentResponse:
    return ExperimentResponse.model_validate(_fields(experiment))


def _fields(experiment: Experiment) -> dict[str, object]:
    return {
        "id": experiment.id,
        "name": experiment.name,
        "state": experiment.state,
        "variants": [
            ExperimentVariantResponse(batch_id=one.batch_id, share=one.share)
            for one in experiment.variants
        ],
        "hold_out": experiment.hold_out,
        "currency": experiment.currency,
        "created_by": experiment.created_by,
        "created_at": experiment.created_at,
        "ended_at": experiment.ended_at,
        "metadata": dict(experiment.metadata),
    }


def result_response(shown: Shown) -> ExperimentResultResponse:
    experiment, result = shown.experiment, shown.result
    alarm = result.alarm
    return ExperimentResultResponse.model_validate(
        {
            **_fields(experiment),
            "figures": [
                _group(_batch_of(experiment, number), sums) for number, sums in result.sums.items()
            ],
            "interval": [_interval(experiment, one) for one in result.comparisons],
            "alarm": alarm
            and SplitAlarmResponse(
                p_value=alarm.p_value, exposed=list(alarm.exposed), expected=list(alarm.expected)
            ),
        }
    )


def _batch_of(experiment: Experiment, number: int) -> str | None:
    return None if number == HELD_OUT else experiment.variants[number].batch_id


def _group(batch_id: str | None, sums: Sums) -> GroupResponse:
    whole = sums._asdict()
    del whole["revenue_squares"]
    each = None
    if sums.exposed:
        names = PerStudentResponse.model_fields
        each = PerStudentResponse(**{name: whole[name] / sums.exposed for name in names})
    return GroupResponse(batch_id=batch_id, per_student=each, **whole)


def _interval(experiment: Experiment, one: Comparison) -> IntervalResponse:
    found = one.interval
    return IntervalResponse(
        batch_id=experiment.variants[one.group].batch_id,
        base_batch_id=_batch_of(experiment, one.base),
        measure=one.measure,
        difference=None if found is None else found.difference,
        low=None if found is None else found.low,
        high=None if found is None else found.high,
        sure=found is not None and found.is_sure,
    )
