"""Create templates, and replace them version by version.

Called by the API for operators. Coupons that were issued of an older version keep it.
"""

from server.core.acts import Action
from server.core.promotions import template_rules
from server.core.promotions.templates import Template, TemplateForm
from server.core.refusals import Code, Refused
from server.flows.abort import Abort, abort_if, returns_refusal
from server.flows.idempotency import find_previous_result
from server.ids import new_id
from server.ledger import acts
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey
from server.ledger.promotions import templates


@returns_refusal
async def create_template(
    ledger: Ledger, actor: str, form: TemplateForm, key: IdempotencyKey | None, now: int
) -> Template | Refused:
    """Create version 1 of a template; `invalid_field`.

    The same `key` creates one template, and a repeated request gets it as it is now.
    """
    abort_if(template_rules.refusal(form))
    template = Template(form, new_id("tpl"), 1, now)
    async with ledger.begin() as conn:
        earlier = await find_previous_result(conn, key, template.id, now)
        if earlier is not None:
            return await templates.find(conn, earlier) or Refused(Code.NOT_FOUND)
        await templates.insert_first(conn, template, actor)
        await acts.write_act(conn, actor, Action.TEMPLATE_MADE, template.id, now)
    return template


@returns_refusal
async def replace_template(
    ledger: Ledger,
    actor: str,
    template_id: str,
    expected_version: int,
    form: TemplateForm,
    now: int,
) -> Template | Refused:
    """Write the next version of the template and return it.

    Refuses with `invalid_field`, `not_found`, and with `wrong_state` and the current `version` where that is
    not the expected one.
    """
    abort_if(template_rules.refusal(form))
    template = Template(form, template_id, expected_version + 1, now)
    async with ledger.begin() as conn:
        if not await templates.insert_next(conn, template, actor):
            current = await templates.find(conn, template_id)
            if current is None:
                raise Abort(Refused(Code.NOT_FOUND))
            raise Abort(_overtaken(current.version))
        await acts.write_act(
            conn, actor, Action.TEMPLATE_REPLACED, template_id, now, version=template.version
        )
    return template


def _overtaken(version: int) -> Refused:
    return Refused(Code.WRONG_STATE, f"it is at version {version}", {"version": version})
