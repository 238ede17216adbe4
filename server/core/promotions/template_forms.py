"""A whole template as somebody writes it, and as it is shown and stored.

Called by the API (requests and answers) and the ledger (rows). Its parts' JSON is `template_parts`';
whether a template makes sense is asked of `core.template_rules`.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from server.core import instants, json_fields
from server.core.promotions.template_parts import (
    Json,
    deducts_from_json,
    deducts_to_json,
    discount_from_json,
    discount_to_json,
    returns_from_json,
    returns_to_json,
    scope_from_json,
    scope_to_json,
    stacking_from_json,
    stacking_to_json,
    threshold_from_json,
    threshold_to_json,
    validity_from_json,
    validity_to_json,
)
from server.core.promotions.templates import (
    EXCLUSIVE,
    GOODS_ONLY,
    USUAL_RETURNS,
    Scope,
    Template,
    TemplateForm,
    Threshold,
)
from server.core.refusals import Refused
from server.core.violations import MalformedError, Violation, refused

T = TypeVar("T")


def form_from_json(body: Mapping[str, object]) -> TemplateForm | Refused:
    """A request's body as a form. Collects every part that is not of its shape; members it does not
    know are left out. The rules are still to be asked (template_rules.violations).
    """
    broken: list[Violation] = []
    form = _read_form(_Collector(body, broken))
    return refused(broken) if broken or form is None else form


def form_from_columns(columns: Mapping[str, object]) -> TemplateForm:
    """A row of `template_versions`. MalformedError where the stored JSON is not of its shape."""
    body = form_from_json(columns)
    if isinstance(body, Refused):
        raise MalformedError("template_versions", body.detail)
    return body


def form_to_json(form: TemplateForm) -> Json:
    """The contract's JSON; its members are also the columns of `template_versions` that a form
    fills (`use_url` and `uses_per_student` are None where there is none).
    """
    return {
        "name": form.name,
        "description": form.description,
        "currency": form.currency,
        "discount": discount_to_json(form.discount),
        "threshold": threshold_to_json(form.threshold),
        "scope": scope_to_json(form.scope),
        "validity": validity_to_json(form.validity),
        "deducts": deducts_to_json(form.deducts),
        "stacking": stacking_to_json(form.stacking),
        "uses_per_student": form.uses_per_student,
        "returns": returns_to_json(form.returns),
        "style": dict(form.style),
        "use_url": form.use_url,
        "metadata": dict(form.metadata),
    }


def template_to_json(template: Template) -> Json:
    """The answer of /v1/templates: the form's JSON with id, version and created_at."""
    return {
        "id": template.id,
        "version": template.version,
        **form_to_json(template.form),
        "created_at": instants.to_text(template.created_at),
    }


class _Collector:
    """Reads one part after the other and goes on where one is broken."""

    def __init__(self, body: Mapping[str, object], broken: list[Violation]) -> None:
        self._body = body
        self._broken = broken

    def part(self, key: str, read: Callable[[object], T]) -> T | None:
        return self._try(lambda: read(self._body.get(key)))

    def member(self, key: str, read: Callable[[Mapping[str, object], str], T]) -> T | None:
        return self._try(lambda: read(self._body, key))

    def _try(self, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except MalformedError as error:
            self._broken.append(error.violation)
            return None


def _read_form(body: _Collector) -> TemplateForm | None:
    """None only where something was broken."""
    name = body.member("name", json_fields.text)
    description = body.member("description", json_fields.optional_text)
    currency = body.member("currency", json_fields.text)
    discount = body.part("discount", discount_from_json)
    threshold = body.part("threshold", threshold_from_json)
    scope = body.part("scope", scope_from_json)
    validity = body.part("validity", validity_from_json)
    deducts = body.part("deducts", deducts_from_json)
    stacking = body.part("stacking", stacking_from_json)
    uses_per_student = body.member("uses_per_student", json_fields.optional_integer)
    returns = body.part("returns", returns_from_json)
    style = body.member("style", json_fields.text_pairs)
    use_url = body.member("use_url", json_fields.optional_text)
    metadata = body.member("metadata", json_fields.text_pairs)
    if name is None or currency is None or discount is None or validity is None:
        return None
    return TemplateForm(
        name=name,
        description=description or "",
        currency=currency,
        discount=discount,
        threshold=threshold or Threshold(),
        scope=scope or Scope(),
        validity=validity,
        deducts=deducts or GOODS_ONLY,
        stacking=stacking or EXCLUSIVE,
        uses_per_student=uses_per_student,
        returns=returns or USUAL_RETURNS,
        style=style or {},
        use_url=use_url,
        metadata=metadata or {},
    )
