"""Edit a batch, as far as nobody was promised something else (core/promotions/batch_edits.py).

Called by the API for operators. The desk need not know: an open drop keeps the window it was opened with,
and what is opened or extended later reads the ledger. If the end of a batch that is over moves, the desk
still has its students' slots, because a rebuild loads them for one day longer than an end may be moved.
"""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.promotions.batch_edits import BatchEdit, edited_form, form_of, refusal
from server.core.promotions.batches import Batch
from server.core.refusals import Code, Refused, invalid_field
from server.flows.abort import Abort, abort_if, returns_refusal
from server.flows.promotions.price_rules import Override, check_batch, note_override
from server.flows.stores import template_of
from server.ledger import acts
from server.ledger.engine import Ledger
from server.ledger.promotions import batches, templates


@returns_refusal
async def edit_batch(
    ledger: Ledger,
    actor: str,
    batch_id: str,
    edit: BatchEdit,
    now: int,
    override: str | None = None,
) -> Batch | Refused:
    """Change the batch and return it as it is then. Of two edits of the same version one succeeds.

    Refuses with `not_found`, `invalid_field`, `wrong_state` (with the current `version` or `quantity`), and
    `price_rule`, unless `override` says why not.
    """
    async with ledger.begin() as conn:
        # With the row locked, no drop or code is made of the batch until it is decided what may change.
        batch = await batches.find_for_update(conn, batch_id)
        if batch is None:
            raise Abort(Refused(Code.NOT_FOUND))
        is_used = await batches.is_used(conn, batch_id)
        abort_if(refusal(batch, edit, now, is_used=is_used))
        changed = _changed(batch, edit)
        if "template_id" in edit.changes and not is_used and batch.campaign_id is None:
            changed = await _of_current_version(conn, changed)
        why = Override(actor, override)
        broken_rule = None
        if _is_another_offer(batch, changed):
            template = await template_of(conn, changed)
            broken_rule = await check_batch(conn, changed, template, why, now)
        await batches.replace(conn, changed)
        await note_override(conn, batch_id, broken_rule, why, now)
        await acts.write_act(
            conn, actor, Action.BATCH_CHANGED, batch_id, now, fields=sorted(edit.changes)
        )
    return changed


def _is_another_offer(before: Batch, changed: Batch) -> bool:
    """Return whether the edit changes what is offered, or when: price rules look at nothing else."""
    return any(
        getattr(before, name) != getattr(changed, name)
        for name in ("claim_window", "template_id", "template_version")
    )


def _changed(batch: Batch, edit: BatchEdit) -> Batch:
    form = edited_form(batch, edit)
    changes = {name: getattr(form, name) for name in edit.changes}
    changes |= {"name": form.name.strip(), "version": batch.version + 1}
    changes["per_person"] = form.per_person
    if form.rooms == form_of(batch).rooms:
        changes["rooms"] = batch.rooms  # these also count what each room has allotted
    return replace(batch, **changes)


async def _of_current_version(conn: AsyncConnection, batch: Batch) -> Batch:
    template = await templates.find(conn, batch.template_id)
    if template is None:
        raise Abort(invalid_field("template_id", "unknown"))
    return replace(batch, template_version=template.version)
