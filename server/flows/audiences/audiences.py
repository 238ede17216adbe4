"""Make audiences, replace them version by version, and look at who is in one.

Called by the API for operators, and by the worker that deletes the lists of old versions. The members of a
list are written in pieces before the version that names them, so that 200,000 of them hold up no claim.
"""

import asyncio
from dataclasses import replace
from datetime import tzinfo
from typing import Final

from server.core.acts import Action
from server.core.audiences.audiences import (
    Audience,
    AudienceForm,
    AudienceKind,
    Preview,
    audience_violations,
    members_of,
)
from server.core.audiences.student_events import day_of
from server.core.refusals import Code, Refused
from server.core.violations import refused
from server.flows.abort import Abort, abort_if, returns_refusal
from server.flows.idempotency import find_previous_result
from server.ids import new_id
from server.ledger import acts
from server.ledger.audiences import audiences as rows
from server.ledger.audiences.rules import Moment
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey

AT_ONCE: Final = 5_000  # members in one transaction: 25 ms of SQLite's writer
_PAUSE_SECONDS: Final = 0.005  # between two pieces: writers that wait for SQLite retry every few ms
_ROUNDS: Final = 100  # pieces that one call of `delete_unused` deletes at most


@returns_refusal
async def create_audience(
    ledger: Ledger, actor: str, form: AudienceForm, key: IdempotencyKey | None, now: int
) -> Audience | Refused:
    """Create version 1 of an audience; `invalid_field`.

    The same `key` creates one audience, and a repeated request gets it as it is now.
    """
    audience = await _written(ledger, form, new_id("aud"), 1, now)
    async with ledger.begin() as conn:
        earlier = await find_previous_result(conn, key, audience.id, now)
        if earlier is not None:
            return await rows.find(conn, earlier) or Refused(Code.NOT_FOUND)
        await rows.insert_first(conn, audience, actor)
        await acts.write_act(conn, actor, Action.AUDIENCE_MADE, audience.id, now)
    return audience


@returns_refusal
async def replace_audience(
    ledger: Ledger,
    actor: str,
    audience_id: str,
    expected_version: int,
    form: AudienceForm,
    now: int,
) -> Audience | Refused:
    """Write the next version of the audience and return it. What was frozen from an older one stays.

    Refuses with `invalid_field`, `not_found`, and with `wrong_state` and the current `version` where that is
    not the expected one.
    """
    async with ledger.read() as conn:
        abort_if(_overtaken(await rows.find(conn, audience_id), expected_version))
    audience = await _written(ledger, form, audience_id, expected_version + 1, now)
    async with ledger.begin() as conn:
        if not await rows.insert_next(conn, audience, actor):
            current = await rows.find(conn, audience_id)
            raise Abort(_overtaken(current, expected_version) or Refused(Code.NOT_FOUND))
        version = audience.version
        action = Action.AUDIENCE_REPLACED
        await acts.write_act(conn, actor, action, audience_id, now, version=version)
    return audience


def _overtaken(current: Audience | None, expected: int) -> Refused | None:
    if current is None:
        return Refused(Code.NOT_FOUND)
    if current.version == expected:
        return None
    facts = {"version": current.version}
    return Refused(Code.WRONG_STATE, f"it is at version {current.version}", facts)


async def _written(
    ledger: Ledger, form: AudienceForm, audience_id: str, version: int, now: int
) -> Audience:
    """Return the version that is to be inserted, with its members written if it is a list. Abort where the
    form is not good.
    """
    broken = [*audience_violations(form)]
    abort_if(refused(broken) if broken else None)
    audience = Audience(
        id=audience_id,
        version=version,
        name=form.name,
        kind=form.kind,
        tag=form.tag,
        rule=form.rule,
        size=None,
        created_at=now,
        metadata=form.metadata,
    )
    if form.kind is not AudienceKind.LIST:
        return audience
    list_id, members = new_id("lst"), members_of(form)
    await _write_members(ledger, list_id, members, now)
    return replace(audience, list_id=list_id, size=len(members))


async def _write_members(ledger: Ledger, list_id: str, members: list[str], now: int) -> None:
    async with ledger.begin() as conn:
        await rows.insert_list(conn, list_id, now)
    for start in range(0, len(members), AT_ONCE):
        piece = list(enumerate(members[start : start + AT_ONCE], start))
        async with ledger.begin() as conn:
            await rows.add_members(conn, list_id, piece)
        await asyncio.sleep(_PAUSE_SECONDS)


@returns_refusal
async def preview_audience(
    ledger: Ledger, audience_id: str, zone: tzinfo, now: int
) -> Preview | Refused:
    """Return how many students are in the audience now, and some of them; `not_found`, and `unavailable`
    where the rule takes longer than a statement may.
    """
    async with ledger.read() as conn:
        audience = await rows.find(conn, audience_id)
        if audience is None:
            return Refused(Code.NOT_FOUND)
        return await rows.preview(conn, audience, moment_of(zone, now))


def moment_of(zone: tzinfo, now: int) -> Moment:
    """Return the moment at which a rule is asked."""
    return Moment(now, day_of(now, zone))


async def delete_unused(ledger: Ledger, now: int) -> None:
    """Delete, in pieces, the lists of older versions and those whose version was never written."""
    for _ in range(_ROUNDS):
        async with ledger.begin() as conn:
            if not await rows.delete_unused(conn, now):
                return
