"""PATCH /v1/batches/{id}: a batch changed after it was made.

Once something is made of it, only what nobody was promised otherwise (core/promotions/batch_edits.py).
"""

from typing import Annotated

from pydantic import Field

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyEndpoint, ApiRequest, ApiResponse, Endpoint, NoQuery
from server.api.http.fields import Body, Count, Id, Metadata, ShortText, Title
from server.api.promotions.batches import (
    BatchResponse,
    ClaimWindowBody,
    RoomQuotaBody,
    batch_response,
    room_quotas_of,
)
from server.api.promotions.templates import parse_if_match
from server.core.promotions import batch_rules
from server.core.promotions.batch_edits import BatchEdit
from server.core.promotions.batches import ClaimWindow
from server.core.refusals import Code, Refused
from server.core.violations import Violation, refused
from server.flows.promotions.edit_batch import edit_batch

_ALWAYS_THERE = ("template_id", "name", "channel", "per_student")


class BatchEditBody(Body):
    """What is sent is changed; what is not sent stays. `expected_quantity`: the quantity that was seen,
    needed where it changes once something has been made of the batch."""

    template_id: Id | None = None
    name: Title | None = None
    quantity: Count | None = None
    channel: ShortText | None = None
    per_student: Annotated[int, Field(ge=1, le=batch_rules.MAX_PER_STUDENT)] | None = None
    code_prefix: Annotated[str, Field(max_length=12)] | None = None
    hold_seconds: Annotated[int, Field(ge=1, le=batch_rules.MAX_HOLD_SECONDS)] | None = None
    campaign_id: Id | None = None
    rooms: Annotated[list[RoomQuotaBody], Field(max_length=batch_rules.MAX_ROOMS)] | None = None
    claim_window: ClaimWindowBody | None = None
    metadata: Metadata | None = None
    expected_quantity: Count | None = None


async def edit(
    deps: ApiDependencies, request: ApiRequest[BatchEditBody, NoQuery]
) -> ApiResponse | Refused:
    version = parse_if_match(request.if_match)
    if isinstance(version, Refused):
        return version
    changes = _changes(request.body)
    if isinstance(changes, Refused):
        return changes
    edit = BatchEdit(version, changes, request.body.expected_quantity)
    changed = await edit_batch(
        deps.ledger, request.identity.subject, request.path["id"], edit, request.now
    )
    if isinstance(changed, Refused):
        return changed
    return await batch_response(deps, changed, request.identity)


def _changes(body: BatchEditBody) -> dict[str, object] | Refused:
    """The fields of BatchForm that were sent. What a batch always has cannot be taken from it."""
    sent = body.model_fields_set - {"expected_quantity"}
    empty = [name for name in _ALWAYS_THERE if name in sent and getattr(body, name) is None]
    if empty:
        return refused([Violation(name, "missing") for name in empty])
    changes: dict[str, object] = {name: getattr(body, name) for name in sent}
    window = body.claim_window
    if "claim_window" in sent:
        changes["claim_window"] = ClaimWindow(window.from_at, window.until_at) if window else None
    if "rooms" in sent:
        changes["rooms"] = room_quotas_of(body.rooms)
    if "code_prefix" in sent:
        changes["code_prefix"] = body.code_prefix or ""
    if "metadata" in sent:
        changes["metadata"] = body.metadata or {}
    return changes


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="PATCH",
        path="/v1/batches/{id}",
        rule=auth.OPERATOR,
        handler=edit,
        body=BatchEditBody,
        response=BatchResponse,
        summary="Change a batch: once something is made of it, its name, metadata, a later end, more units",
        refuses=(Code.WRONG_STATE,),
        needs_version=True,
    ),
)
