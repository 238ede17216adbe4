"""Bodies and responses of /v1/lotteries. Used by lotteries.py and spins.py alone."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from server.api.http.fields import (
    Body,
    Description,
    FromDay,
    Id,
    Message,
    Metadata,
    Moment,
    NotEmpty,
    RequestId,
    ResponseModel,
    Student,
    Title,
    UntilDay,
    absent,
)
from server.api.http.paging import PageQuery
from server.api.promotions.templates import TemplateResponse
from server.core.lotteries.lotteries import (
    MAX_CHANCES,
    MAX_PRIZES,
    MAX_WIN_DAYS,
    MAX_WINS,
    PPM,
    EmptyPolicy,
    Face,
    LotteryState,
)
from server.core.lotteries.spins import SpinOutcome

Quantity = Annotated[int, Field(ge=1, le=10**9)]
FaceText = Literal["wheel", "scratch", "box", "signin"]
PolicyText = Literal["nothing", "next"]
StateText = Literal["active", "paused", "ended"]
ChanceCount = Annotated[int, Field(ge=1, le=MAX_CHANCES)]


class PrizeBody(Body):
    """`batch_id` null: nothing is won. `ppm`: its odds, in parts of a million; those of all prizes are a
    million. `quantity`, `per_day`: how often it is won at most, ever and on a day. `name`: that of its
    template, where it is absent."""

    batch_id: Id | None
    ppm: Annotated[int, Field(ge=1, le=PPM)]
    quantity: Quantity | None = None
    per_day: Quantity | None = None
    name: Title | None = None


class ChancesBody(Body):
    """The spins of one student, ever and on a day of the school."""

    per_student: ChanceCount
    per_day: ChanceCount | None = None


class WinLimitBody(Body):
    """A student may win `count` times in the last `days` days of the school, today among them."""

    count: Annotated[int, Field(ge=1, le=MAX_WINS)]
    days: Annotated[int, Field(ge=1, le=MAX_WIN_DAYS)]


class LotteryWindowBody(Body):
    """The time in which one may spin, [from, until)."""

    from_at: Annotated[FromDay | None, Field(alias="from")] = None
    until: UntilDay | None = None


class ChancesResponse(ResponseModel):
    """The spins of one student, ever and on a day of the school."""

    per_student: int
    per_day: int | None = absent()


class WinLimitResponse(ResponseModel):
    """A student may win `count` times in the last `days` days of the school."""

    count: int
    days: int


class LotteryBody(Body):
    """`empty_policy`: what a spin wins whose prize is gone: `nothing`, or the `next` prize of the list that
    is left. `win_limit`: who has won as often has no chance until a win is older. `legal`: what the law wants
    to be said, shown on the page."""

    name: Title
    prizes: Annotated[list[PrizeBody], NotEmpty, Field(max_length=MAX_PRIZES)]
    chances: ChancesBody
    win_limit: WinLimitBody | None = None
    window: LotteryWindowBody | None = None
    face: FaceText = "wheel"
    empty_policy: PolicyText = "nothing"
    legal: Description | None = None
    metadata: Metadata | None = None


class LotteryEdit(Body):
    """Fields that are sent are changed. `state`: `paused` and `active` as often as one likes, `ended` for
    ever. Prizes, odds and chances are never changed. `reason`: why, for the log of acts."""

    state: StateText | None = None
    name: Title | None = None
    legal: Description | None = None
    window: LotteryWindowBody | None = None
    reason: Message = ""


class LotteriesQuery(PageQuery):
    state: LotteryState | None = None


class PrizeResponse(ResponseModel):
    """`place`: its place in the list, from 0. `left`: it can still be won. `won`: how often it was, for
    operators. `template`: what its coupon is worth; absent where nothing is won."""

    place: int
    name: str
    ppm: int
    batch_id: str | None
    quantity: int | None = absent()
    per_day: int | None = absent()
    left: bool
    won: int | None = absent()
    won_today: int | None = absent()
    template: TemplateResponse | None = absent()


class LotteryWindowResponse(ResponseModel):
    """The time in which one may spin, [from, until)."""

    from_at: Annotated[Moment | None, Field(alias="from", exclude_if=lambda it: it is None)] = None
    until: Moment | None = absent()


class DayResponse(ResponseModel):
    """A day of the school. `commitment`: the SHA-256 of its seed, public since `committed_at`; `seed` is
    there once the day is over."""

    day: date
    commitment: str
    committed_at: Moment
    seed: str | None = absent()


class LotteryResponse(ResponseModel):
    """`open`: one may spin now. `chances_left`: the student's, today. `spins`: how often they have spun.
    `days`: today and tomorrow."""

    id: str
    name: str
    state: LotteryState
    open: bool
    face: Face
    empty_policy: EmptyPolicy
    prizes: list[PrizeResponse]
    chances: ChancesResponse
    win_limit: WinLimitResponse | None = absent()
    chances_left: int | None = absent()
    spins: int | None = absent()
    window: LotteryWindowResponse | None = absent()
    legal: str | None = absent()
    days: list[DayResponse]
    url: str
    created_at: Moment
    metadata: dict[str, str]


class LotteryPageResponse(ResponseModel):
    lotteries: list[LotteryResponse]
    next: str | None


class SpinBody(Body):
    """`request_id`: the client's id of this spin, the same in every repetition."""

    request_id: RequestId


class WonPrizeResponse(ResponseModel):
    place: int
    name: str
    batch_id: str


class PrizeCouponResponse(ResponseModel):
    """The coupon as it was won. GET /v1/me/coupons has its state."""

    id: str
    code: str
    name: str
    batch_id: str
    valid_from: Moment
    valid_until: Moment
    use_by: Moment


class SpinResponse(ResponseModel):
    """The same for the same request id, for ever. A spin has its `id`, the student's count `n`, the school's
    `day`, the `number` that was drawn (0 to 999,999) and the place of the prize to which it belongs
    (`drawn`); a refusal has none of them and costs no chance."""

    request_id: str
    lottery_id: str
    outcome: SpinOutcome
    id: str | None = absent()
    n: int | None = absent()
    day: date | None = absent()
    number: int | None = absent()
    drawn: int | None = absent()
    prize: WonPrizeResponse | None = absent()
    coupon: PrizeCouponResponse | None = absent()


class SpinsQuery(PageQuery):
    """`student` and `outcome`: for operators."""

    student: Student | None = None
    outcome: SpinOutcome | None = None


class SpinRecordResponse(ResponseModel):
    """A spin with what is needed to compute it again. `outcome` is absent while its coupon is on its way;
    `prize` is the place of the prize that was won. `seed` is there once its day is over."""

    id: str
    student: str
    request_id: str
    n: int
    day: date
    at: Moment
    number: int
    drawn: int
    outcome: SpinOutcome | None = absent()
    prize: int | None = absent()
    coupon_id: str | None = absent()
    commitment: str
    seed: str | None = absent()


class SpinPageResponse(ResponseModel):
    spins: list[SpinRecordResponse]
    next: str | None
