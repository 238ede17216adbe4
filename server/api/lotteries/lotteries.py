"""/v1/lotteries: prizes by published odds. Operators make and end them; everybody sees the odds."""

from dataclasses import asdict
from datetime import date
from typing import Any

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    ApiResponse,
    Endpoint,
    NoBody,
    NoQuery,
    respond,
)
from server.api.http.paging import first_page
from server.api.lotteries.lottery_models import (
    ChancesResponse,
    DayResponse,
    LotteriesQuery,
    LotteryBody,
    LotteryEdit,
    LotteryPageResponse,
    LotteryResponse,
    LotteryWindowBody,
    LotteryWindowResponse,
    PrizeResponse,
    WinLimitBody,
    WinLimitResponse,
)
from server.api.promotions.templates import template_response
from server.core.identity import Identity, Role
from server.core.ids import BatchId
from server.core.lotteries.draw import commitment_of
from server.core.lotteries.lotteries import (
    Chances,
    EmptyPolicy,
    Face,
    Lottery,
    LotteryForm,
    LotteryState,
    Prize,
    WinLimit,
)
from server.core.refusals import Code, Refused
from server.flows.lotteries import lotteries as flows
from server.flows.lotteries.lotteries import ShownLottery
from server.ledger.lotteries.days import SeedOfDay


async def create(
    deps: ApiDependencies, request: ApiRequest[LotteryBody, NoQuery]
) -> ApiResponse | Refused:
    actor, form = request.identity.subject, _form(request.body)
    made = await flows.make_lottery(
        deps.ledger, actor, form, deps.time_zone, request.now, request.key
    )
    return await _respond(deps, made, request.identity, request.now)


def _form(body: LotteryBody) -> LotteryForm:
    return LotteryForm(
        name=body.name,
        prizes=tuple(
            Prize(
                batch_id=None if one.batch_id is None else BatchId(one.batch_id),
                ppm=one.ppm,
                quantity=one.quantity,
                per_day=one.per_day,
                name=one.name or "",
            )
            for one in body.prizes
        ),
        chances=Chances(body.chances.per_student, body.chances.per_day),
        win_limit=_win_limit(body.win_limit),
        face=Face(body.face),
        empty_policy=EmptyPolicy(body.empty_policy),
        legal=body.legal or "",
        metadata=body.metadata or {},
        **_window(body.window),
    )


def _win_limit(body: WinLimitBody | None) -> WinLimit | None:
    return None if body is None else WinLimit(body.count, body.days)


def _window(body: LotteryWindowBody | None) -> dict[str, Any]:
    return {} if body is None else {"from_at": body.from_at, "until_at": body.until}


async def change(
    deps: ApiDependencies, request: ApiRequest[LotteryEdit, NoQuery]
) -> ApiResponse | Refused:
    body, actor = request.body, request.identity.subject
    texts = {"name": body.name, "legal": body.legal}
    changes = {name: text for name, text in texts.items() if text is not None}
    changed = await flows.change_lottery(
        deps.ledger,
        actor,
        request.path["id"],
        None if body.state is None else LotteryState(body.state),
        changes | _window(body.window),
        request.now,
        reason=body.reason,
    )
    return await _respond(deps, changed, request.identity, request.now)


async def _respond(
    deps: ApiDependencies, found: Lottery | Refused, identity: Identity, now: int
) -> ApiResponse | Refused:
    if isinstance(found, Refused):
        return found
    shown = await flows.show_lottery(deps.ledger, found.id, None, deps.time_zone, now)
    return respond(shown, lambda it: _response(deps, it, identity, now))


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    identity = request.identity
    student = identity.subject if identity.role is Role.STUDENT else None
    shown = await flows.show_lottery(
        deps.ledger, request.path["id"], student, deps.time_zone, request.now
    )
    return respond(shown, lambda it: _response(deps, it, identity, request.now))


async def index(deps: ApiDependencies, request: ApiRequest[NoBody, LotteriesQuery]) -> ApiResponse:
    query = request.query
    found = await flows.list_lotteries(
        deps.ledger, query.state, query.after, query.limit + 1, deps.time_zone, request.now
    )
    page, following = first_page(found, query.limit)
    listed = [_response(deps, one, request.identity, request.now) for one in page]
    return ApiResponse(LotteryPageResponse(lotteries=listed, next=following))


def _response(
    deps: ApiDependencies, shown: ShownLottery, identity: Identity, now: int
) -> LotteryResponse:
    lottery, form = shown.lottery, shown.lottery.form
    is_student, used = identity.role is Role.STUDENT, shown.used
    window = {"from": form.from_at, "until": form.until_at}
    return LotteryResponse(
        id=lottery.id,
        name=form.name,
        state=lottery.state,
        open=lottery.is_open(now),
        face=form.face,
        empty_policy=form.empty_policy,
        prizes=[_prize(shown, place, identity) for place in range(len(form.prizes))],
        chances=ChancesResponse(per_student=form.chances.per_student, per_day=form.chances.per_day),
        win_limit=None if form.win_limit is None else WinLimitResponse(**asdict(form.win_limit)),
        chances_left=used.left(form.chances, form.win_limit) if is_student else None,
        spins=used.spins if is_student else None,
        window=LotteryWindowResponse(**window) if any(window.values()) else None,
        legal=form.legal or None,
        days=[day_response(one) for one in shown.days],
        url=f"{deps.public_url}/lottery/{lottery.id}",
        created_at=lottery.created_at,
        metadata=dict(form.metadata),
    )


def _prize(shown: ShownLottery, place: int, identity: Identity) -> PrizeResponse:
    prize, template = shown.lottery.form.prizes[place], shown.templates[place]
    sees_counts = identity.role in (Role.OPERATOR, Role.FINANCE) and template is not None
    return PrizeResponse(
        place=place,
        name=prize_name(shown.lottery.form, place, "" if template is None else template.form.name),
        ppm=prize.ppm,
        batch_id=prize.batch_id,
        quantity=prize.quantity,
        per_day=prize.per_day,
        left=shown.is_left[place],
        won=shown.won.ever.get(place, 0) if sees_counts else None,
        won_today=shown.won.today.get(place, 0) if sees_counts else None,
        template=None if template is None else template_response(template),
    )


def prize_name(form: LotteryForm, place: int, of_template: str) -> str:
    """Return how a prize is called: by its own name, or by that of its template."""
    return form.prizes[place].name or of_template


def day_response(one: SeedOfDay) -> DayResponse:
    return DayResponse(
        day=date.fromordinal(one.day),
        commitment=commitment_of(one.seed),
        committed_at=one.committed_at,
        seed=None if one.published_at is None else one.seed.hex(),
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/lotteries",
        rule=auth.OPERATOR,
        handler=create,
        body=LotteryBody,
        response=LotteryResponse,
        status=201,
        summary="Make a lottery: prizes with published odds",
        refuses=(Code.STOCK_SHORT,),
        is_create=True,
    ),
    Endpoint(
        method="GET",
        path="/v1/lotteries",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=LotteriesQuery,
        response=LotteryPageResponse,
        summary="List lotteries, newest first",
    ),
    Endpoint(
        method="GET",
        path="/v1/lotteries/{id}",
        rule=auth.ANYBODY,
        handler=show,
        response=LotteryResponse,
        summary="Show a lottery with its odds, and a student's chances",
    ),
    Endpoint(
        method="PATCH",
        path="/v1/lotteries/{id}",
        rule=auth.OPERATOR,
        handler=change,
        body=LotteryEdit,
        response=LotteryResponse,
        summary="Pause, resume or end a lottery, or change its texts or its window",
        refuses=(Code.WRONG_STATE,),
    ),
)
