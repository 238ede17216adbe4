"""Rules: who is in an audience, as a closed table of facts and comparisons, not a language.

A rule is JSON: `{all or any: [{fact, op, value} or one more {all or any: […]}]}`. It is checked when it is
written, kept as it was sent, and compiled to one SQL statement by ledger/audiences/rules.py. Triggers use the
same form for their conditions, with facts of their own besides.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from server.core.audiences.students import MAX_FACT_TEXT, instant_of
from server.core.money import MAX_MINOR
from server.core.violations import Violation

MAX_CONDITIONS: Final = 20
MAX_VALUES: Final = 100  # of `in`
MAX_DAYS: Final = 3_650
MAX_STREAK: Final = 366
MAX_DEPTH: Final = 2
RECENT_DAYS: Final = 30  # of the facts that end in `_30d`, and of `interested`
_OWN: Final = re.compile(r"facts\.[A-Za-z][A-Za-z0-9_]{0,39}")

Scalar = str | int | float | bool
Value = Scalar | Sequence[Scalar]


class Op(StrEnum):
    """A comparison. The last two count back from the moment at which the rule is asked."""

    AT_LEAST = ">="
    AT_MOST = "<="
    EQUAL = "="
    IN = "in"
    WITHIN_DAYS = "within_days"
    NOT_WITHIN_DAYS = "not_within_days"


class Quantifier(StrEnum):
    """The word that joins the conditions of a group."""

    ALL = "all"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison. An instant is kept as its text."""

    fact: str
    op: Op
    value: Value


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions of which all or any have to be true."""

    quantifier: Quantifier
    items: tuple["Condition | Group", ...]


# --- the kinds of values --------------------------------------------------------------------------


def _whole(low: int, high: int) -> Callable[[object], str | None]:
    def fault(value: object) -> str | None:
        if not isinstance(value, int) or isinstance(value, bool):
            return "wrong_type"
        return "too_small" if value < low else "too_large" if value > high else None

    return fault


def _text_fault(value: object) -> str | None:
    if not isinstance(value, str):
        return "wrong_type"
    return "too_short" if not value else "too_long" if len(value) > MAX_FACT_TEXT else None


def _instant_fault(value: object) -> str | None:
    if not isinstance(value, str):
        return "wrong_type"
    return "bad_format" if instant_of(value) is None else None


def _scalar_fault(value: object) -> str | None:
    if isinstance(value, str):
        return _text_fault(value)
    return None if isinstance(value, int | float) else "wrong_type"


def _ordered_fault(value: object) -> str | None:
    """Numbers and instants have an order; other texts have none."""
    if isinstance(value, bool):
        return "wrong_type"
    return None if isinstance(value, int | float) else _instant_fault(value)


def _each(fault: Callable[[object], str | None]) -> Callable[[object], str | None]:
    def list_fault(value: object) -> str | None:
        if not isinstance(value, list):
            return "wrong_type"
        if not 0 < len(value) <= MAX_VALUES:
            return "too_many" if value else "too_few"
        return next(filter(None, map(fault, value)), None)

    return list_fault


Comparisons = Mapping[Op, Callable[[object], str | None]]

_DAYS: Final = _whole(1, MAX_DAYS)
_ORDER: Final = (Op.AT_LEAST, Op.AT_MOST)
TIME: Final[Comparisons] = {
    **dict.fromkeys(_ORDER, _instant_fault),
    Op.WITHIN_DAYS: _DAYS,
    Op.NOT_WITHIN_DAYS: _DAYS,
}
COUNT: Final[Comparisons] = dict.fromkeys((*_ORDER, Op.EQUAL), _whole(0, 10**9))
AMOUNT: Final[Comparisons] = dict.fromkeys((*_ORDER, Op.EQUAL), _whole(0, MAX_MINOR))
STREAK: Final[Comparisons] = dict.fromkeys((*_ORDER, Op.EQUAL), _whole(1, MAX_STREAK))
NAME: Final[Comparisons] = {Op.EQUAL: _text_fault, Op.IN: _each(_text_fault)}
OWN: Final[Comparisons] = {
    **dict.fromkeys(_ORDER, _ordered_fault),
    Op.EQUAL: _scalar_fault,
    Op.IN: _each(_scalar_fault),
    Op.WITHIN_DAYS: _DAYS,
    Op.NOT_WITHIN_DAYS: _DAYS,
}

# --- the facts ------------------------------------------------------------------------------------

FACTS: Final[Mapping[str, Comparisons]] = {
    "first_seen": TIME,
    "last_seen": TIME,
    "registered_at": TIME,
    "tag": NAME,
    "orders_30d": COUNT,
    "spent_30d": AMOUNT,
    "claimed_30d": COUNT,
    "used_30d": COUNT,
    "lessons_done": COUNT,
    "streak": STREAK,
    "interested": NAME,
}


def comparisons_of(fact: str) -> Comparisons | None:
    """Return the comparisons that a fact of students takes; None where there is no such fact."""
    return OWN if _OWN.fullmatch(fact) else FACTS.get(fact)


# --- checking and reading -------------------------------------------------------------------------


def rule_violations(
    raw: Mapping[str, Any],
    place: str = "rule",
    known: Callable[[str], Comparisons | None] = comparisons_of,
) -> Iterator[Violation]:
    """Yield everything that is wrong with a rule as it was sent; `known` says which facts there are."""
    found = [*_group_violations(raw, place, 1, known)]
    yield from found
    if not found and sum(1 for _ in conditions_of(rule_of(raw))) > MAX_CONDITIONS:
        yield Violation(place, "too_many")


def _group_violations(
    raw: Mapping[str, Any], place: str, depth: int, known: Callable[[str], Comparisons | None]
) -> Iterator[Violation]:
    words = [word for word in Quantifier if word in raw]
    if len(words) != 1 or set(raw) - {*Quantifier}:
        yield Violation(place, "one_of_all_and_any")
        return
    items = raw[words[0]]
    if not items:
        yield Violation(f"{place}.{words[0]}", "too_few")
    for number, item in enumerate(items):
        inside = f"{place}.{words[0]}.{number}"
        if "fact" in item:
            yield from _condition_violations(item, inside, known)
        elif depth == MAX_DEPTH:
            yield Violation(inside, "too_deep")
        else:
            yield from _group_violations(item, inside, depth + 1, known)


def _condition_violations(
    raw: Mapping[str, Any], place: str, known: Callable[[str], Comparisons | None]
) -> Iterator[Violation]:
    for name in raw.keys() - {"fact", "op", "value"}:
        yield Violation(f"{place}.{name}", "unsupported")
    missing = [name for name in ("op", "value") if name not in raw]
    if missing:
        yield from (Violation(f"{place}.{name}", "missing") for name in missing)
        return
    comparisons = known(raw["fact"])
    if comparisons is None:
        yield Violation(f"{place}.fact", "unknown_value")
        return
    check = comparisons.get(raw["op"])
    fault = check(raw["value"]) if check else None
    if check is None:
        yield Violation(f"{place}.op", "unsupported")
    elif fault is not None:
        yield Violation(f"{place}.value", fault)


def rule_of(raw: Mapping[str, Any]) -> Group:
    """Return the rule of JSON that `rule_violations` has found good."""
    word = next(word for word in Quantifier if word in raw)
    return Group(word, tuple(map(_item, raw[word])))


def _item(raw: Mapping[str, Any]) -> Condition | Group:
    if "fact" in raw:
        return Condition(raw["fact"], Op(raw["op"]), raw["value"])
    return rule_of(raw)


def conditions_of(group: Group) -> Iterator[Condition]:
    """Yield the conditions of a rule, in its order."""
    for item in group.items:
        if isinstance(item, Condition):
            yield item
        else:
            yield from conditions_of(item)


def is_true(group: Group, truth: Callable[[Condition], bool]) -> bool:
    """Return whether a rule holds, where `truth` says it of each condition."""
    parts = (
        truth(item) if isinstance(item, Condition) else is_true(item, truth) for item in group.items
    )
    return all(parts) if group.quantifier is Quantifier.ALL else any(parts)
