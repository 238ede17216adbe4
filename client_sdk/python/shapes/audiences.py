"""Audiences: students as a list, by a tag or by a rule."""

from typing import Literal, NotRequired, TypedDict

Comparison = Literal[">=", "<=", "=", "in", "within_days", "not_within_days"]
AudienceKind = Literal["list", "tag", "rule"]


class RuleCondition(TypedDict):
    """A comparison: `tag`, `in`, `["vip"]`. PROTOCOL.md lists the facts."""

    fact: str
    op: Comparison
    value: str | float | bool | list[str | float | bool]


class RuleItem(TypedDict):
    """A comparison, or a group of them: either `fact`, `op` and `value`, or one of `all` and `any`."""

    fact: NotRequired[str]
    op: NotRequired[Comparison]
    value: NotRequired[str | float | bool | list[str | float | bool]]
    all: NotRequired[list[RuleCondition]]
    any: NotRequired[list[RuleCondition]]


class Rule(TypedDict):
    """A rule: conditions of which all or any have to be true. One of the two is set."""

    all: NotRequired[list[RuleItem]]
    any: NotRequired[list[RuleItem]]


class SavedAudienceForm(TypedDict):
    """An audience to create or replace. `kind` says which one of `students`, `tag` and `rule` is set."""

    name: str
    kind: AudienceKind
    students: NotRequired[list[str]]
    tag: NotRequired[str]
    rule: NotRequired[Rule]
    metadata: NotRequired[dict[str, str] | None]


class SavedAudience(TypedDict):
    """An audience. `size`: the number of students of a list."""

    id: str
    version: int
    name: str
    kind: AudienceKind
    size: NotRequired[int]
    tag: NotRequired[str]
    rule: NotRequired[Rule]
    metadata: dict[str, str]
    created_at: str


class SavedAudiences(TypedDict):
    """A page of audiences. `next` is null on the last page."""

    audiences: list[SavedAudience]
    next: str | None


class AudiencePreview(TypedDict):
    """The number of students who are in an audience now, and at most 20 of them."""

    count: int
    sample: list[str]
