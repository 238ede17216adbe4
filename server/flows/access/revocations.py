"""Revoke tokens: one by its id, all of a subject, or all that were made before a time.

Called by the API for operators. Within a second every process refuses them, and closes the sockets that came
with them (follow_rules.py, gateway/gateway.py). A revocation is kept until the last token that it names has
expired by itself; then it means nothing, and is deleted (prune.py).
"""

from server.core import instants
from server.core.access.revocations import RevocationForm, good_again_at, violations
from server.core.access.rules import REVOCATIONS, AccessRule
from server.core.acts import Action
from server.core.event_types import Event, EventType
from server.core.refusals import Code, Refused
from server.core.violations import refused
from server.desk.feed.feed import Feed
from server.flows.abort import returns_refusal
from server.flows.access import write_rule
from server.flows.idempotency import find_previous_result
from server.ids import new_id
from server.ledger import acts, event_log
from server.ledger.access import rules
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey


class Revoker:
    """The revocations of one operator. `token_life_ms`: how long a token is good at most."""

    def __init__(self, ledger: Ledger, feed: Feed, actor: str, token_life_ms: int) -> None:
        self._ledger = ledger
        self._feed = feed
        self._actor = actor
        self._token_life_ms = token_life_ms

    @returns_refusal
    async def revoke(
        self, form: RevocationForm, now: int, key: IdempotencyKey | None
    ) -> AccessRule | Refused:
        """Revoke the tokens that the form names. Refuses with invalid_field and too_many."""
        broken = violations(form, now)
        if broken:
            return refused(broken)
        made = self._rule(form, now)
        kind = form.kind.value
        async with self._ledger.begin() as conn:
            earlier = await find_previous_result(conn, key, made.id, now)
            if earlier is not None:
                return await rules.find(conn, earlier) or Refused(Code.NOT_FOUND)
            written = await write_rule.put(conn, made, REVOCATIONS)
            await acts.write_act(conn, self._actor, Action.TOKENS_REVOKED, made.id, now, kind=kind)
            again = made.made_before and instants.to_text(made.made_before)
            data = {"kind": kind, "made_before": again, "reason": made.reason}
            # A subject may be a student: an erasure finds them here.
            event = Event(EventType.TOKEN_REVOKED, now, made.id, data, student=form.sub)
            await event_log.record(conn, [event])
        await write_rule.tell(self._feed)
        return written

    def _rule(self, form: RevocationForm, now: int) -> AccessRule:
        again_at = good_again_at(form, now)
        value = form.jti or form.sub or instants.to_text(again_at or 0)
        return AccessRule(
            id=new_id("rev"),
            kind=form.kind,
            value=value,
            reason=form.reason.strip(),
            created_by=self._actor,
            created_at=now,
            made_before=again_at,
            # A token made in this moment is good as long as that; those made before end earlier.
            until=now + self._token_life_ms,
            metadata=form.metadata,
        )
