"""A batch changed by an operator: as much as nobody was promised otherwise (core/promotions/batch_edits.py).

Called by the API. Nothing has to be told to the desk: a drop keeps the window it was opened with, and what
is opened or extended later asks the ledger. Where the end of a batch moves that was over, the desk still
knows its students' slots, for a rebuild loads them for a day longer than an end may be moved.
"""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.promotions.batch_edits import BatchEdit, edited_form, form_of, refusal
from server.core.promotions.batches import Batch
from server.core.refusals import Code, Refused, invalid_field
from server.flows.abort import Abort, abort_if, returns_refusal
from server.ledger import acts
from server.ledger.engine import Ledger
from server.ledger.promotions import batches, templates


@returns_refusal
async def edit_batch(
    ledger: Ledger, actor: str, batch_id: str, edit: BatchEdit, now: int
) -> Batch | Refused:
    """The batch as it is then. not_found, wrong_state (with `version` or `quantity`), invalid_field. Of two
    who edit one version, one does."""
    async with ledger.begin() as conn:
        # Held: no drop, code or unit is made of it until what may change has been decided.
        batch = await batches.find_for_update(conn, batch_id)
        if batch is None:
            raise Abort(Refused(Code.NOT_FOUND))
        is_used = await batches.is_used(conn, batch_id)
        abort_if(refusal(batch, edit, now, is_used=is_used))
        changed = _changed(batch, edit)
        if "template_id" in edit.changes and not is_used and batch.campaign_id is None:
            changed = await _of_current_version(conn, changed)
        await batches.replace(conn, changed)
        await acts.write_act(
            conn, actor, Action.BATCH_CHANGED, batch_id, now, fields=sorted(edit.changes)
        )
    return changed


def _changed(batch: Batch, edit: BatchEdit) -> Batch:
    form = edited_form(batch, edit)
    changes = {name: getattr(form, name) for name in edit.changes}
    changes |= {"name": form.name.strip(), "version": batch.version + 1}
    if form.rooms == form_of(batch).rooms:
        changes["rooms"] = batch.rooms  # with what they have given out
    return replace(batch, **changes)


async def _of_current_version(conn: AsyncConnection, batch: Batch) -> Batch:
    template = await templates.find(conn, batch.template_id)
    if template is None:
        raise Abort(invalid_field("template_id", "unknown"))
    return replace(batch, template_version=template.version)
