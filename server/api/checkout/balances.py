"""GET /v1/me/balance: what rebates have left on the student's account, and how it came about."""

from server.api.http import auth
from server.api.http.dependencies import ApiParts
from server.api.http.endpoints import Answer, AnyCall, Asked, Call, NoBody
from server.api.http.fields import Moment, Shown, absent
from server.api.http.paging import PageQuery
from server.core.checkout.balances import BalanceEntry, EntryKind
from server.core.refusals import Refused
from server.flows.checkout.balances import show_account


class BalanceShown(Shown):
    """Below zero where a rebate was spent and its order refunded afterwards."""

    currency: str
    amount: int


class BalanceEntryShown(Shown):
    """`amount` is less than 0 where it was spent or taken back."""

    id: str
    at: Moment
    currency: str
    amount: int
    kind: EntryKind
    redemption_id: str | None = absent()


class AccountShown(Shown):
    balances: list[BalanceShown]
    entries: list[BalanceEntryShown]
    next: str | None


async def show(parts: ApiParts, asked: Asked[NoBody, PageQuery]) -> Answer | Refused:
    query = asked.query
    found = await show_account(parts.ledger, asked.identity.subject, query.limit, query.after)
    if isinstance(found, Refused):
        return found
    balances = [
        BalanceShown(currency=currency, amount=amount)
        for currency, amount in sorted(found.amounts.items())
    ]
    entries = [_shown(entry) for entry in found.entries]
    return Answer(AccountShown(balances=balances, entries=entries, next=found.next))


def _shown(entry: BalanceEntry) -> BalanceEntryShown:
    return BalanceEntryShown(
        id=entry.id,
        at=entry.at,
        currency=entry.currency,
        amount=entry.amount,
        kind=entry.kind,
        redemption_id=entry.redemption_id,
    )


CALLS: tuple[AnyCall, ...] = (
    Call(
        method="GET",
        path="/v1/me/balance",
        rule=auth.STUDENT,
        handler=show,
        query=PageQuery,
        answer=AccountShown,
        summary="What rebates have left on my account, and each entry, newest first",
    ),
)
