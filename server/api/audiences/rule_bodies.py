"""The JSON of a rule: its shape. Which facts and comparisons there are is checked by core/audiences/rules.py.

Part of the bodies and responses of audiences and triggers.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from server.api.audiences.fact_values import ComparedValue
from server.api.http.fields import Body, absent

FactPath = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.]+$")
]
Comparison = Literal[">=", "<=", "=", "in", "within_days", "not_within_days"]


class RuleCondition(Body):
    """A comparison: `tag`, `in`, `["vip"]`."""

    fact: FactPath
    op: Comparison
    value: ComparedValue


class RuleItem(Body):
    """A comparison, or a group of them: either `fact`, `op` and `value`, or one of `all` and `any`."""

    fact: FactPath | None = absent()
    op: Comparison | None = absent()
    value: ComparedValue | None = absent()
    all: Annotated[list[RuleCondition], Field(max_length=20)] | None = absent()
    any: Annotated[list[RuleCondition], Field(max_length=20)] | None = absent()


class Rule(Body):
    """A rule: conditions of which all or any have to be true."""

    all: Annotated[list[RuleItem], Field(max_length=20)] | None = absent()
    any: Annotated[list[RuleItem], Field(max_length=20)] | None = absent()


def rule_json(rule: Rule) -> dict[str, Any]:
    """Return the rule as it was sent."""
    return rule.model_dump(exclude_none=True)
