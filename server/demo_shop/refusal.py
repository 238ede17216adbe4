"""A refusal of the shop, its own or one of Classdrop's, in the form of Classdrop's problems."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Refusal:
    """`facts`: what the page needs to explain it to people (`coupons`, `payable`, `errors`, ...)."""

    status: int
    code: str
    facts: Mapping[str, object] = field(default_factory=dict)


NOT_FOUND = Refusal(404, "not_found")
UNAVAILABLE = Refusal(503, "unavailable")


def bad_field(name: str, code: str) -> Refusal:
    return Refusal(422, "invalid_field", {"errors": [{"field": name, "code": code}]})
