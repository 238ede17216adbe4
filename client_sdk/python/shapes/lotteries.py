"""Lotteries: prizes by published odds, a student's chances, and spins that can be computed again."""

from typing import Literal, NotRequired, TypedDict

from client_sdk.python.shapes.templates import Template

LotteryState = Literal["active", "paused", "ended"]
LotteryFace = Literal["wheel", "scratch", "box", "signin"]
EmptyPolicy = Literal["nothing", "next"]
SpinOutcome = Literal["won", "nothing", "no_chance_left", "not_open"]


class PrizeForm(TypedDict):
    """`batch_id` null: nothing is won. `ppm`: its odds in parts of a million, a million in all. `quantity`,
    `per_day`: how often it is won at most, ever and on a day.
    """

    batch_id: str | None
    ppm: int
    quantity: NotRequired[int | None]
    per_day: NotRequired[int | None]
    name: NotRequired[str | None]


class ChancesForm(TypedDict):
    """The spins of one student, ever and on a day of the school."""

    per_student: int
    per_day: NotRequired[int | None]


class WinLimit(TypedDict):
    """A student may win `count` times in the last `days` days of the school, today among them."""

    count: int
    days: int


# The time in which one may spin, [from, until).
LotteryWindowForm = TypedDict(
    "LotteryWindowForm", {"from": NotRequired[str | None], "until": NotRequired[str | None]}
)


class LotteryForm(TypedDict):
    """`empty_policy`: what a spin wins whose prize is gone: nothing, or the next prize that is left."""

    name: str
    prizes: list[PrizeForm]
    chances: ChancesForm
    win_limit: NotRequired[WinLimit | None]
    window: NotRequired[LotteryWindowForm | None]
    face: NotRequired[LotteryFace]
    empty_policy: NotRequired[EmptyPolicy]
    legal: NotRequired[str | None]
    metadata: NotRequired[dict[str, str] | None]


class LotteryEdit(TypedDict):
    """Fields that are sent are changed. Prizes, odds and chances never are. `reason` is kept as an act."""

    state: NotRequired[LotteryState | None]
    name: NotRequired[str | None]
    legal: NotRequired[str | None]
    window: NotRequired[LotteryWindowForm | None]
    reason: NotRequired[str]


class Prize(TypedDict):
    """`place`: its place in the list, from 0. `left`: it can still be won. `won` and `won_today` are for
    operators. `template` is absent where nothing is won.
    """

    place: int
    name: str
    ppm: int
    batch_id: str | None
    quantity: NotRequired[int]
    per_day: NotRequired[int]
    left: bool
    won: NotRequired[int]
    won_today: NotRequired[int]
    template: NotRequired[Template]


class Chances(TypedDict):
    """The spins of one student, ever and on a day of the school."""

    per_student: int
    per_day: NotRequired[int]


LotteryWindow = TypedDict("LotteryWindow", {"from": NotRequired[str], "until": NotRequired[str]})


class LotteryDay(TypedDict):
    """A day of the school. `commitment`: the SHA-256 of its seed; `seed` is there once the day is over."""

    day: str
    commitment: str
    committed_at: str
    seed: NotRequired[str]


class Lottery(TypedDict):
    """A lottery with its odds. `open`: one may spin now. `chances_left` and `spins`: the student's. `days`:
    today and tomorrow.
    """

    id: str
    name: str
    state: LotteryState
    open: bool
    face: LotteryFace
    empty_policy: EmptyPolicy
    prizes: list[Prize]
    chances: Chances
    win_limit: NotRequired[WinLimit]
    chances_left: NotRequired[int]
    spins: NotRequired[int]
    window: NotRequired[LotteryWindow]
    legal: NotRequired[str]
    days: list[LotteryDay]
    url: str
    created_at: str
    metadata: dict[str, str]


class Lotteries(TypedDict):
    """A page of lotteries, newest first. `next` is null on the last page."""

    lotteries: list[Lottery]
    next: str | None


class WonPrize(TypedDict):
    """The prize that a spin has won."""

    place: int
    name: str
    batch_id: str


class PrizeCoupon(TypedDict):
    """The coupon as it was won; the wallet has its state."""

    id: str
    code: str
    name: str
    batch_id: str
    valid_from: str
    valid_until: str
    use_by: str


class Spin(TypedDict):
    """The answer to a request, the same for ever. A refusal has no number and costs no chance."""

    request_id: str
    lottery_id: str
    outcome: SpinOutcome
    id: NotRequired[str]
    n: NotRequired[int]
    day: NotRequired[str]
    number: NotRequired[int]
    drawn: NotRequired[int]
    prize: NotRequired[WonPrize]
    coupon: NotRequired[PrizeCoupon]


class SpinRecord(TypedDict):
    """A spin with what is needed to compute it again; `verify_spins` does. `outcome` is absent while its
    coupon is on its way, `prize` where nothing was won.
    """

    id: str
    student: str
    request_id: str
    n: int
    day: str
    at: str
    number: int
    drawn: int
    outcome: NotRequired[SpinOutcome]
    prize: NotRequired[int]
    coupon_id: NotRequired[str]
    commitment: str
    seed: NotRequired[str]


class Spins(TypedDict):
    """A page of spins, newest first. `next` is null on the last page."""

    spins: list[SpinRecord]
    next: str | None
