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


class MalformedError(ValueError):
    """Decoded JSON that is not of its shape. Met in stored JSON it is a broken promise; decoders of
    requests catch it and answer with its violation.
    """

    def __init__(self, field: str, code: str) -> None:
        super().__init__(f"{field}: {code}")
        self.violation = Violation(field, code)


def refused(violations: Sequence[Violation]) -> Refused:
    errors = [{"field": violation.field, "code": violation.code} for violation in violations]
    detail = "; ".join(f"{violation.field}: {violation.code}" for violation in violations)
    return Refused(Code.INVALID_FIELD, detail, {"errors": errors})
