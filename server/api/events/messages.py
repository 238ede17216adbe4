"""Messages to students: GET /v1/me/messages for the student, GET /v1/messages for operators.

A student sees what the app has shown them; operators see every message of every channel, with what became of
it and why.
"""

from typing import Annotated, Any

from pydantic import Field

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyEndpoint, ApiRequest, ApiResponse, Endpoint, NoBody
from server.api.http.fields import Id, Moment, ResponseModel, Student, absent
from server.api.http.paging import PageQuery, first_page
from server.core.messages import Channel, Message, MessageKind, MessageState
from server.core.refusals import Refused
from server.flows.events.send_messages import MessagePolicy
from server.ledger.events import messages as rows
from server.ledger.events.messages import MessageFilter


class MyMessageResponse(ResponseModel):
    """A message, as the frame `message` had it."""

    id: str
    text: str
    kind: MessageKind
    coupon_id: str | None = absent()
    url: str | None = absent()
    sent_at: Moment


class MyMessagePageResponse(ResponseModel):
    messages: list[MyMessageResponse]
    next: str | None


class MessagesQuery(PageQuery):
    """`cause`: the id of what asked for them, such as an issuance."""

    student: Student | None = None
    state: MessageState | None = None
    channel: Channel | None = None
    cause: Id | None = None


class MessageResponse(ResponseModel):
    """`reason` says why it is held, failed or cancelled. A held one is looked at again at `not_before`."""

    id: str
    student: str
    kind: MessageKind
    channel: Channel
    state: MessageState
    reason: str | None = absent()
    text: str | None = absent()
    data: Annotated[dict[str, Any], Field(description="`name` and `use_by` of a coupon")]
    coupon_id: str | None = absent()
    cause: str | None = absent()
    transactional: bool
    attempts: int
    created_at: Moment
    not_before: Moment
    expires_at: Moment
    sent_at: Moment | None = absent()


class MessagePageResponse(ResponseModel):
    """`counts`: how many are in each state, where the list is of one `cause`."""

    messages: list[MessageResponse]
    counts: dict[MessageState, int] | None = absent()
    next: str | None


async def mine(
    deps: ApiDependencies, request: ApiRequest[NoBody, PageQuery]
) -> ApiResponse | Refused:
    query = request.query
    wanted = MessageFilter(
        student=request.identity.subject,
        state=MessageState.SENT,
        channel=Channel.IN_APP,
        after=query.after,
    )
    async with deps.ledger.read() as conn:
        found = await rows.page(conn, wanted, query.limit + 1)
    page, following = first_page(found, query.limit)
    shown = [_mine(deps.message_policy, each) for each in page]
    return ApiResponse(MyMessagePageResponse(messages=shown, next=following))


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, MessagesQuery]
) -> ApiResponse | Refused:
    query = request.query
    wanted = MessageFilter(query.student, query.state, query.cause, query.channel, query.after)
    async with deps.ledger.read() as conn:
        found = await rows.page(conn, wanted, query.limit + 1)
        counts = await rows.counts_of_cause(conn, query.cause) if query.cause else None
    page, following = first_page(found, query.limit)
    return ApiResponse(
        MessagePageResponse(
            messages=[message_response(each) for each in page], counts=counts, next=following
        )
    )


def _mine(policy: MessagePolicy, message: Message) -> MyMessageResponse:
    return MyMessageResponse(
        id=message.id,
        text=policy.text(message),
        kind=message.kind,
        coupon_id=message.coupon_id,
        url=message.url,
        sent_at=message.sent_at or message.not_before,
    )


def message_response(message: Message) -> MessageResponse:
    """Return a message as operators see it."""
    return MessageResponse(
        id=message.id,
        student=message.student,
        kind=message.kind,
        channel=message.channel,
        state=message.state,
        reason=message.reason,
        text=message.text,
        data=dict(message.data),
        coupon_id=message.coupon_id,
        cause=message.cause,
        transactional=message.is_transactional,
        attempts=message.attempts,
        created_at=message.created_at,
        not_before=message.not_before,
        expires_at=message.expires_at,
        sent_at=message.sent_at,
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/me/messages",
        rule=auth.STUDENT,
        handler=mine,
        query=PageQuery,
        response=MyMessagePageResponse,
        summary="List the messages that the app has shown me, newest first",
    ),
    Endpoint(
        method="GET",
        path="/v1/messages",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=MessagesQuery,
        response=MessagePageResponse,
        summary="List messages to students, newest first, with what became of each",
    ),
)
