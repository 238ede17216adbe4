"""Send the messages of the channel `email`, to the addresses in the students' facts.

Driven by workers beside send_messages.py, in a job of its own: a mail server that is slow or away holds up no
other channel. Where no mail server is configured the messages fail at once, so that operators see why.
"""

from collections.abc import Sequence
from typing import Final

import structlog

from server.core.messages import Channel, Message, MessageState
from server.flows.events.send_messages import MessagePolicy, pick, put_back
from server.flows.stores import Stores
from server.ledger.events import messages as rows
from server.ledger.events.mail_addresses import addresses_of
from server.mail import Mail, Mailer, MailUnavailableError

# So few that all are tried within the lease, even where each takes as long as it may.
AT_ONCE: Final = 4
PAGES: Final = 50  # in one round of the worker's job
_SUBJECTS: Final = {"zh": "优惠券通知", "en": "Your coupons"}
_log = structlog.get_logger()


async def send_mail(stores: Stores, policy: MessagePolicy, mailer: Mailer | None, now: int) -> int:
    """Send the mails that are due; return how many were sent. Repeatable; a mail may come twice."""
    sent = 0
    for _ in range(PAGES):
        page = await pick(stores, policy, Channel.EMAIL, now, AT_ONCE)
        if page.sending:
            sent += await _send_page(stores, policy, mailer, page.sending, now)
        if page.looked_at < AT_ONCE:
            break
    return sent


async def _send_page(
    stores: Stores,
    policy: MessagePolicy,
    mailer: Mailer | None,
    sending: Sequence[Message],
    now: int,
) -> int:
    if mailer is None:
        return await _give_up(stores, sending, "no_mail_server")
    async with stores.ledger.read() as conn:
        addresses = await addresses_of(conn, {each.student for each in sending})
    await _give_up(
        stores, [each for each in sending if each.student not in addresses], "no_address"
    )
    known = [each for each in sending if each.student in addresses]
    mails = [_mail(policy, each, addresses[each.student]) for each in known]
    try:
        results = await mailer.send(mails) if mails else {}
    except MailUnavailableError as error:
        _log.warning("mail_server_unavailable", error=str(error))
        results = {}
    sent = [each for each in known if results.get(each.id, "") is None]
    async with stores.ledger.begin() as conn:
        await rows.mark_sent(conn, rows.ids_of(sent), now)
    failed = [(each, results.get(each.id) or "mail_server") for each in known if each not in sent]
    await put_back(stores, failed, now)
    return len(sent)


async def _give_up(stores: Stores, sending: Sequence[Message], reason: str) -> int:
    async with stores.ledger.begin() as conn:
        await rows.settle(conn, rows.ids_of(sending), MessageState.FAILED, reason)
    return 0


def _mail(policy: MessagePolicy, message: Message, address: str) -> Mail:
    text = policy.text(message)
    body = text if message.url is None else f"{text}\n\n{message.url}"
    return Mail(message.id, address, _SUBJECTS[policy.language], body)
