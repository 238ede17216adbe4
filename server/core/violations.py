"""Violations: what is wrong with a request, field by field.

Rules (template_rules, orders, …) return violations, and the flow that refuses turns them into one
`invalid_field` refusal, so that a form shows all its bad fields at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from server.core.refusals import Code, Refused


@dataclass(frozen=True, slots=True)
class Violation:
    """One bad field. `field` is its path in the request's body: `discount.percent`,
    `order.lines.3.unit_price`."""

    field: str
    code: str


def refused(violations: Sequence[Violation]) -> Refused:
    """Return one refusal for all these violations."""
    errors = [{"field": violation.field, "code": violation.code} for violation in violations]
    detail = "; ".join(f"{violation.field}: {violation.code}" for violation in violations)
    return Refused(Code.INVALID_FIELD, detail, {"errors": errors})
