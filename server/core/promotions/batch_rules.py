"""Batch rules: what a batch must obey beyond its shape.

Used by flows/promotions/batches.py on the form that an operator sent. The codes are stable words for the
SDKs' texts: those of template_rules and `duplicate`.
"""

from collections.abc import Iterator
from typing import Final

from server.core.promotions.batches import BatchForm, ClaimWindow, RoomQuota
from server.core.promotions.claim_conditions import ClaimConditions
from server.core.promotions.code_prefixes import is_prefix
from server.core.promotions.template_rules import (
    MAX_INSTANT,
    MAX_NAME,
    amount_violations,
    metadata_violations,
    text_violations,
)
from server.core.room_names import is_room_name
from server.core.violations import Violation

MAX_QUANTITY: Final = 1_000_000_000
MAX_PER_STUDENT: Final = 100
MAX_HOLD_SECONDS: Final = 30 * 24 * 3600
MAX_ROOMS: Final = 1_000
MAX_REMINDERS: Final = 2
MAX_HOURS_BEFORE: Final = 30 * 24
MAX_CHANNEL: Final = 64
# Conditions are sent to every gateway with each publication.
MAX_CONDITION_TAGS: Final = 20
MAX_TAG: Final = 64


def violations(form: BatchForm) -> list[Violation]:
    """Return everything that is wrong with the form, in the order of its fields; empty if it is good."""
    return [
        *text_violations("name", form.name.strip(), MAX_NAME),
        *_optional_count("quantity", form.quantity, MAX_QUANTITY),
        *text_violations("channel", form.channel, MAX_CHANNEL),
        *amount_violations("per_student", form.per_student, 1, MAX_PER_STUDENT),
        *_optional_count("per_person", form.per_person, MAX_PER_STUDENT),
        *_optional_count("per_device", form.per_device, MAX_PER_STUDENT),
        *_prefix(form.code_prefix),
        *_optional_count("hold_seconds", form.hold_seconds, MAX_HOLD_SECONDS),
        *_rooms(form.rooms, form.quantity),
        *_window(form.claim_window),
        *_conditions(form.conditions),
        *_optional_count("max_per_minute", form.max_per_minute, MAX_QUANTITY),
        *metadata_violations("metadata", form.metadata),
    ]


def _optional_count(field: str, count: int | None, most: int) -> Iterator[Violation]:
    if count is not None:
        yield from amount_violations(field, count, 1, most)


def _prefix(prefix: str) -> Iterator[Violation]:
    if not is_prefix(prefix):
        yield Violation("code_prefix", "bad_character" if len(prefix) <= 12 else "too_long")


def _rooms(rooms: tuple[RoomQuota, ...] | None, of: int | None) -> Iterator[Violation]:
    """Yield what is wrong with the rooms. Their quotas may add up to more than the batch: the room that
    drops first gets the units."""
    if rooms is None:
        return
    if not rooms:
        yield Violation("rooms", "too_short")
    if len(rooms) > MAX_ROOMS:
        yield Violation("rooms", "too_many")
        return
    seen: set[str] = set()
    for number, quota in enumerate(rooms):
        if not is_room_name(quota.room):
            yield Violation(f"rooms.{number}.room", "bad_character")
        elif quota.room in seen:
            yield Violation(f"rooms.{number}.room", "duplicate")
        seen.add(quota.room)
        most = MAX_QUANTITY if of is None else of
        yield from _optional_count(f"rooms.{number}.quantity", quota.quantity, most)


def _conditions(conditions: ClaimConditions) -> Iterator[Violation]:
    if len(conditions.tags) > MAX_CONDITION_TAGS:
        yield Violation("claim_conditions.tags", "too_many")
    if any(not tag or len(tag) > MAX_TAG for tag in conditions.tags):
        yield Violation("claim_conditions.tags", "too_long")


def _window(window: ClaimWindow | None) -> Iterator[Violation]:
    if window is None:
        return
    yield from amount_violations("claim_window.from", window.from_at, 0, MAX_INSTANT)
    yield from amount_violations("claim_window.until", window.until_at, 0, MAX_INSTANT)
    if window.from_at >= window.until_at:
        yield Violation("claim_window.until", "empty_window")
