"""Template parts <-> the contract's JSON, which is also what the ledger stores.

Called by the API (requests and answers), the ledger (rows) and flows that show a drop. Knows shapes
only; whether a template makes sense is asked of `core.template_rules`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar, assert_never

from server.core import instants, json_fields
from server.core.refusals import Refused
from server.core.templates import (
    AmountOff,
    Discount,
    FixedValidity,
    PercentOff,
    RelativeValidity,
    Scope,
    Template,
    Threshold,
    Validity,
)
from server.core.violations import MalformedError, Violation, refused

T = TypeVar("T")
Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class TemplateForm:
    """A template as somebody writes it: everything but id, version and date."""

    name: str
    description: str
    currency: str
    discount: Discount
    threshold: Threshold
    scope: Scope
    validity: Validity
    style: Mapping[str, str] = field(default_factory=dict)
    use_url: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


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
    fills (`use_url` is None where there is none).
    """
    return {
        "name": form.name,
        "description": form.description,
        "currency": form.currency,
        "discount": discount_to_json(form.discount),
        "threshold": threshold_to_json(form.threshold),
        "scope": scope_to_json(form.scope),
        "validity": validity_to_json(form.validity),
        "style": dict(form.style),
        "use_url": form.use_url,
        "metadata": dict(form.metadata),
    }


def form_of(template: Template) -> TemplateForm:
    return TemplateForm(
        name=template.name,
        description=template.description,
        currency=template.currency,
        discount=template.discount,
        threshold=template.threshold,
        scope=template.scope,
        validity=template.validity,
        style=template.style,
        use_url=template.use_url,
        metadata=template.metadata,
    )


def to_template(form: TemplateForm, template_id: str, version: int, created_at: int) -> Template:
    return Template(
        id=template_id,
        version=version,
        name=form.name,
        description=form.description,
        currency=form.currency,
        discount=form.discount,
        threshold=form.threshold,
        scope=form.scope,
        validity=form.validity,
        style=form.style,
        use_url=form.use_url,
        metadata=form.metadata,
        created_at=created_at,
    )


def template_to_json(template: Template) -> Json:
    """The answer of /v1/templates: the form's JSON with id, version and created_at."""
    return {
        "id": template.id,
        "version": template.version,
        **form_to_json(form_of(template)),
        "created_at": instants.to_text(template.created_at),
    }


def discount_from_json(value: object) -> Discount:
    fields = json_fields.mapping(value, "discount")
    match json_fields.text(fields, "kind", "discount"):
        case "amount_off":
            return AmountOff(json_fields.integer(fields, "amount", "discount"))
        case "percent_off":
            return PercentOff(
                json_fields.integer(fields, "percent", "discount"),
                json_fields.optional_integer(fields, "max_amount", "discount"),
            )
    raise MalformedError("discount.kind", "unknown")


def discount_to_json(discount: Discount) -> Json:
    match discount:
        case AmountOff(amount):
            return {"kind": "amount_off", "amount": amount}
        case PercentOff(percent, None):
            return {"kind": "percent_off", "percent": percent}
        case PercentOff(percent, max_amount):
            return {"kind": "percent_off", "percent": percent, "max_amount": max_amount}
        case _:
            assert_never(discount)


def threshold_from_json(value: object) -> Threshold:
    """No threshold, written by leaving it out, is a threshold of 0."""
    if value is None:
        return Threshold()
    fields = json_fields.mapping(value, "threshold")
    return Threshold(json_fields.optional_integer(fields, "min_amount", "threshold") or 0)


def threshold_to_json(threshold: Threshold) -> Json:
    return {"min_amount": threshold.min_amount}


def scope_from_json(value: object) -> Scope:
    if value is None:
        return Scope()
    fields = json_fields.mapping(value, "scope")
    return Scope(
        json_fields.texts(fields, "courses", "scope"),
        json_fields.texts(fields, "packages", "scope"),
    )


def scope_to_json(scope: Scope) -> Json:
    """Sorted, so that the same scope is always the same text."""
    return {"courses": sorted(scope.courses), "packages": sorted(scope.packages)}


def validity_from_json(value: object) -> Validity:
    fields = json_fields.mapping(value, "validity")
    match json_fields.text(fields, "kind", "validity"):
        case "fixed":
            return FixedValidity(
                json_fields.instant(fields, "from", "validity"),
                json_fields.instant(fields, "until", "validity"),
            )
        case "relative":
            return RelativeValidity(
                json_fields.integer(fields, "seconds", "validity"),
                json_fields.flag(fields, "cap_at_batch_end", "validity"),
            )
    raise MalformedError("validity.kind", "unknown")


def validity_to_json(validity: Validity) -> Json:
    match validity:
        case FixedValidity(from_at, until_at):
            return {
                "kind": "fixed",
                "from": instants.to_text(from_at),
                "until": instants.to_text(until_at),
            }
        case RelativeValidity(seconds, cap_at_batch_end):
            return {"kind": "relative", "seconds": seconds, "cap_at_batch_end": cap_at_batch_end}
        case _:
            assert_never(validity)


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
        style=style or {},
        use_url=use_url,
        metadata=metadata or {},
    )
