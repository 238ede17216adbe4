"""/v1/webhooks: receivers of events, signed as Standard Webhooks says.

For operators. A secret is in the answer that made it and in no other one.
"""

from server.api.events.webhook_models import (
    DeliveryPageResponse,
    DeliveryResponse,
    ReplayBody,
    ReplayResponse,
    WebhookBody,
    WebhookEdit,
    WebhookPageResponse,
    WebhookResponse,
)
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
from server.api.http.fields import ReasonBody
from server.api.http.paging import PageQuery, first_page
from server.core.events.webhooks import Webhook, WebhookState
from server.core.refusals import Code, Refused
from server.flows.events import webhooks as flows
from server.flows.events.receiver_client import ReceiverClient
from server.flows.events.webhooks import WebhookForm
from server.ledger.events import webhook_deliveries
from server.ledger.events import webhooks as ledger
from server.ledger.events.webhook_deliveries import Delivery, Replay


async def create(
    deps: ApiDependencies, request: ApiRequest[WebhookBody, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    form = WebhookForm(body.url, body.types, body.batch, None, body.metadata)
    made = await flows.make_webhook(
        deps.ledger,
        request.identity.subject,
        form,
        request.key,
        request.now,
        allows_private=deps.webhook_private,
    )
    return respond(made, lambda webhook: _response(webhook, with_secret=True))


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, PageQuery]
) -> ApiResponse | Refused:
    query = request.query
    async with deps.ledger.read() as conn:
        found = await ledger.page(conn, query.limit + 1, query.after)
    page, following = first_page(found, query.limit)
    return ApiResponse(
        WebhookPageResponse(webhooks=[_response(each) for each in page], next=following)
    )


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    async with deps.ledger.read() as conn:
        found = await ledger.find(conn, request.path["id"])
    return respond(found or Refused(Code.NOT_FOUND), _response)


async def change(
    deps: ApiDependencies, request: ApiRequest[WebhookEdit, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    state = None if body.state is None else WebhookState(body.state)
    form = WebhookForm(body.url, body.types, body.batch, state, body.metadata)
    changed = await flows.change_webhook(
        deps.ledger,
        request.identity.subject,
        request.path["id"],
        form,
        request.now,
        allows_private=deps.webhook_private,
    )
    return respond(changed, _response)


async def remove(
    deps: ApiDependencies, request: ApiRequest[ReasonBody, NoQuery]
) -> ApiResponse | Refused:
    removed = await flows.remove_webhook(
        deps.ledger,
        request.identity.subject,
        request.path["id"],
        request.now,
        request.body.reason,
    )
    return respond(removed, _response)


async def rotate(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    rotated = await flows.rotate_secret(
        deps.ledger, request.identity.subject, request.path["id"], request.now
    )
    return respond(rotated, lambda webhook: _response(webhook, with_secret=True))


async def test(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    client = ReceiverClient(allows_private=deps.webhook_private)
    try:
        tested = await flows.test_webhook(deps.ledger, client, request.path["id"], request.now)
    finally:
        await client.aclose()
    return respond(tested, _delivery_response)


async def replay(
    deps: ApiDependencies, request: ApiRequest[ReplayBody, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    replayed = await flows.replay(
        deps.ledger,
        request.identity.subject,
        request.path["id"],
        body.from_seq,
        body.to_seq,
        request.now,
    )
    return respond(replayed, _replay_response)


async def deliveries(
    deps: ApiDependencies, request: ApiRequest[NoBody, PageQuery]
) -> ApiResponse | Refused:
    query, webhook_id = request.query, request.path["id"]
    async with deps.ledger.read() as conn:
        if await ledger.find(conn, webhook_id) is None:
            return Refused(Code.NOT_FOUND)
        found = await webhook_deliveries.page(conn, webhook_id, query.limit + 1, query.after)
    page, following = first_page(found, query.limit)
    return ApiResponse(
        DeliveryPageResponse(deliveries=[_delivery_response(each) for each in page], next=following)
    )


def _response(webhook: Webhook, *, with_secret: bool = False) -> WebhookResponse:
    return WebhookResponse(
        id=webhook.id,
        url=webhook.url,
        types=None if webhook.types is None else list(webhook.types),
        batch=webhook.batch,
        state=webhook.state,
        reason=webhook.reason,
        secret=webhook.secret if with_secret else None,
        old_secret_until=webhook.old_secret_until,
        position=webhook.position,
        failures=webhook.failures,
        failing_since=webhook.failing_since,
        next_try_at=webhook.next_try_at or None,
        metadata=dict(webhook.metadata),
        created_at=webhook.created_at,
    )


def _delivery_response(delivery: Delivery) -> DeliveryResponse:
    fields = delivery._asdict()
    del fields["webhook_id"]
    return DeliveryResponse(**fields)


def _replay_response(replay: Replay) -> ReplayResponse:
    return ReplayResponse(id=replay.id, from_seq=replay.position + 1, to_seq=replay.until_seq)


_ONE = "/v1/webhooks/{id}"

ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/webhooks",
        rule=auth.OPERATOR,
        handler=create,
        body=WebhookBody,
        response=WebhookResponse,
        status=201,
        summary="Have events sent to a receiver, from now on",
        refuses=(Code.TOO_MANY,),
        is_create=True,
    ),
    Endpoint(
        method="GET",
        path="/v1/webhooks",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=PageQuery,
        response=WebhookPageResponse,
        summary="List webhooks, newest first",
    ),
    Endpoint(
        method="GET",
        path=_ONE,
        rule=auth.OPERATOR_READ,
        handler=show,
        response=WebhookResponse,
        summary="Show a webhook",
    ),
    Endpoint(
        method="PATCH",
        path=_ONE,
        rule=auth.OPERATOR,
        handler=change,
        body=WebhookEdit,
        response=WebhookResponse,
        summary="Change, pause or resume a webhook",
    ),
    Endpoint(
        method="DELETE",
        path=_ONE,
        rule=auth.OPERATOR,
        handler=remove,
        body=ReasonBody,
        response=WebhookResponse,
        summary="Remove a webhook; nothing is sent to it any more",
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/test",
        rule=auth.OPERATOR,
        handler=test,
        response=DeliveryResponse,
        summary="Call the receiver once, and return what it answered",
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/rotate",
        rule=auth.OPERATOR,
        handler=rotate,
        response=WebhookResponse,
        summary="Get a new secret; the old one signs as well for 24 hours",
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/replay",
        rule=auth.OPERATOR,
        handler=replay,
        body=ReplayBody,
        response=ReplayResponse,
        status=202,
        summary="Have events of a range of numbers sent again",
        refuses=(Code.WRONG_STATE,),
    ),
    Endpoint(
        method="GET",
        path=f"{_ONE}/deliveries",
        rule=auth.OPERATOR_READ,
        handler=deliveries,
        query=PageQuery,
        response=DeliveryPageResponse,
        summary="List the calls of a webhook, newest first, with what was answered",
    ),
)
