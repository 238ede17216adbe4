"""PATCH /v1/batches/{id}: change a batch after it was made.

Once a drop or a code has been made of it, only changes that break no promise to a student are accepted; the
rules are in core/promotions/batch_edits.py.
"""

from typing import Annotated

from pydantic import Field

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import AnyEndpoint, ApiRequest, ApiResponse, Endpoint, NoQuery
from server.api.http.fields import Body, Count, Id, Metadata, ShortText, Title
from server.api.promotions.batch_parts import (
    ClaimWindowBody,
    OverrideBody,
    RoomQuotaBodies,
    claim_window_of,
    override_reason,
    room_quotas_of,
)
from server.api.promotions.batches import (
    BatchResponse,
    RemindBefore,
    batch_response,
    reminders_of,
)
from server.api.promotions.templates import parse_if_match
from server.core.promotions import batch_rules
from server.core.promotions.batch_edits import BatchEdit
from server.core.refusals import Code, Refused
from server.core.violations import Violation, refused
from server.flows.promotions.edit_batch import edit_batch

_REQUIRED_FIELDS = ("template_id", "name", "channel", "per_student")


class BatchEditBody(Body):
    """The fields to change; absent fields stay as they are. `expected_quantity`: the quantity that the
    caller saw, required to change it once a drop or a code has been made of the batch."""

    template_id: Id | None = None
    name: Title | None = None
    quantity: Count | None = None
    channel: ShortText | None = None
    per_student: Annotated[int, Field(ge=1, le=batch_rules.MAX_PER_STUDENT)] | None = None
    per_person: Annotated[int, Field(ge=1, le=batch_rules.MAX_PER_STUDENT)] | None = None
    per_device: Annotated[int, Field(ge=1, le=batch_rules.MAX_PER_STUDENT)] | None = None
    code_prefix: Annotated[str, Field(max_length=12)] | None = None
    hold_seconds: Annotated[int, Field(ge=1, le=batch_rules.MAX_HOLD_SECONDS)] | None = None
    campaign_id: Id | None = None
    rooms: RoomQuotaBodies | None = None
    claim_window: ClaimWindowBody | None = None
    max_per_minute: Count | None = None
    remind_before: RemindBefore | None = None
    metadata: Metadata | None = None
    expected_quantity: Count | None = None
    override: OverrideBody | None = None


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
        deps.ledger,
        request.identity.subject,
        request.path["id"],
        edit,
        request.now,
        override_reason(request.body.override),
    )
    if isinstance(changed, Refused):
        return changed
    return await batch_response(deps, changed, request.identity)


def _changes(body: BatchEditBody) -> dict[str, object] | Refused:
    """Return the sent fields as BatchForm has them. A null for a required field is refused."""
    sent = body.model_fields_set - {"expected_quantity", "override"}
    empty = [name for name in _REQUIRED_FIELDS if name in sent and getattr(body, name) is None]
    if empty:
        return refused([Violation(name, "missing") for name in empty])
    changes: dict[str, object] = {name: getattr(body, name) for name in sent}
    if "remind_before" in sent:
        changes["remind_before"] = reminders_of(body.remind_before)
    if "claim_window" in sent:
        changes["claim_window"] = claim_window_of(body.claim_window)
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
        summary="Change a batch; once it is in use, only name, metadata, a later end and more units",
        refuses=(Code.WRONG_STATE, Code.PRICE_RULE),
        needs_version=True,
    ),
)
