"""What is wrong with something that was sent, field by field.

Rules (template_rules, orders, …) answer with violations; whoever refuses turns them into one
`invalid_field` refusal, so that a form shows all its bad fields at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from server.core.refusals import Code, Refused


@dataclass(frozen=True, slots=True)
class Violation:
    """`field` is the path in the request's body: `discount.percent`, `order.lines.3.unit_price`."""

    field: str
    code: str


def refused(violations: Sequence[Violation]) -> Refused:
    errors = [{"field": violation.field, "code": violation.code} for violation in violations]
    detail = "; ".join(f"{violation.field}: {violation.code}" for violation in violations)
    return Refused(Code.INVALID_FIELD, detail, {"errors": errors})
