"""GET /v1/me/balance: the balance that rebates left on a student's account, and its entries."""

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyEndpoint, ApiRequest, ApiResponse, Endpoint, NoBody
from server.api.http.fields import Moment, ResponseModel, absent
from server.api.http.paging import PageQuery
from server.core.checkout.balances import BalanceEntry, EntryKind
from server.core.refusals import Refused
from server.flows.checkout.balances import show_account


class BalanceResponse(ResponseModel):
    """`amount` is below zero where a rebate was spent and its order was refunded afterwards."""

    currency: str
    amount: int


class BalanceEntryResponse(ResponseModel):
    """`amount` is below 0 where the balance was spent or a rebate was taken back."""

    id: str
    at: Moment
    currency: str
    amount: int
    kind: EntryKind
    redemption_id: str | None = absent()


class AccountResponse(ResponseModel):
    balances: list[BalanceResponse]
    entries: list[BalanceEntryResponse]
    next: str | None


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, PageQuery]
) -> ApiResponse | Refused:
    query = request.query
    found = await show_account(deps.ledger, request.identity.subject, query.limit, query.after)
    if isinstance(found, Refused):
        return found
    balances = [
        BalanceResponse(currency=currency, amount=amount)
        for currency, amount in sorted(found.amounts.items())
    ]
    entries = [_to_response(entry) for entry in found.entries]
    return ApiResponse(AccountResponse(balances=balances, entries=entries, next=found.next))


def _to_response(entry: BalanceEntry) -> BalanceEntryResponse:
    return BalanceEntryResponse(
        id=entry.id,
        at=entry.at,
        currency=entry.currency,
        amount=entry.amount,
        kind=entry.kind,
        redemption_id=entry.redemption_id,
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/me/balance",
        rule=auth.STUDENT,
        handler=show,
        query=PageQuery,
        response=AccountResponse,
        summary="Get my balance from rebates, and its entries, newest first",
    ),
)
