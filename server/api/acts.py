"""/v1/acts: who did what and when, newest first; rows that are only ever added (core/acts.py)."""

from typing import Annotated, Any

from pydantic import Field

from server.api.http import auth
from server.api.http.dependencies import ApiParts
from server.api.http.endpoints import Answer, AnyCall, Asked, Call, NoBody
from server.api.http.fields import Moment, Shown, Word
from server.api.http.paging import PageQuery, first_page
from server.core.acts import Act, Action
from server.core.refusals import Refused
from server.ledger import acts


class ActsQuery(PageQuery):
    """`actor`: a token's subject. `subject`: the id of what it was done to."""

    actor: Word | None = None
    subject: Word | None = None


class ActShown(Shown):
    id: str
    at: Moment
    actor: str
    action: Action
    subject: str
    detail: Annotated[dict[str, Any], Field(description="what was asked for, in the call's names")]


class ActPage(Shown):
    acts: list[ActShown]
    next: str | None


async def index(parts: ApiParts, asked: Asked[NoBody, ActsQuery]) -> Answer | Refused:
    query = asked.query
    async with parts.ledger.read() as conn:
        found = await acts.page_of_acts(
            conn, query.actor, query.subject, query.limit + 1, query.after
        )
    page, following = first_page(found, query.limit)
    return Answer(ActPage(acts=[_shown(act) for act in page], next=following))


def _shown(act: Act) -> ActShown:
    return ActShown(
        id=act.id,
        at=act.at,
        actor=act.actor,
        action=act.action,
        subject=act.subject,
        detail=dict(act.detail),
    )


CALLS: tuple[AnyCall, ...] = (
    Call(
        method="GET",
        path="/v1/acts",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=ActsQuery,
        answer=ActPage,
        summary="Who did what, newest first; of one person, or to one thing",
    ),
)
