"""What a coupon is worth and where it may be used: the shapes, shared by every rule about them.

Built by api (from requests) and ledger (from rows) through `core.template_forms`; read by quotes,
drops and pages. Amounts are minor units; `percent` is what is taken off, 1..100.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class AmountOff:
    amount: int


@dataclass(frozen=True, slots=True)
class PercentOff:
    percent: int
    max_amount: int | None = None


Discount = AmountOff | PercentOff


@dataclass(frozen=True, slots=True)
class Threshold:
    """`min_amount` 0 is "no threshold": the same kind, not another (mission A3)."""

    min_amount: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """Empty = every course."""

    courses: frozenset[str] = frozenset()
    packages: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FixedValidity:
    """[from_at, until_at)."""

    from_at: int
    until_at: int


@dataclass(frozen=True, slots=True)
class RelativeValidity:
    """`seconds` from the claim; `cap_at_batch_end`: not beyond the batch's claim window."""

    seconds: int
    cap_at_batch_end: bool = False


Validity = FixedValidity | RelativeValidity


@dataclass(frozen=True, slots=True)
class Template:
    id: str
    version: int
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
    created_at: int = 0
