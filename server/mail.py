"""Sends mail by SMTP, through the server that the operator names (CLASSDROP_SMTP_URL).

Made by the composition root of a worker where the setting is given; called by the flow that sends messages. A
leaf: knows an address, a subject and a text, not what they are for. Needs the extra `mail` (aiosmtplib).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    import aiosmtplib

CONNECT_SECONDS: Final = 10.0
SECONDS_A_MAIL: Final = 10.0
_PORTS: Final = {"smtp": 587, "smtps": 465}


class MailUnavailableError(Exception):
    """The mail server is away or refuses us: no mail was taken, or the rest was not."""


class Mail(NamedTuple):
    """One mail. `key` becomes its Message-ID, so that a mail that is sent twice can be told as one."""

    key: str
    to: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Mailer:
    """A mail server and the sender's address. `url`: smtp:// (STARTTLS where it is offered) or smtps://."""

    url: str = field(repr=False)
    sender: str

    async def send(self, mails: Sequence[Mail]) -> dict[str, str | None]:
        """Send these mails over one connection; return key -> None, or why the server refused that one.

        A mail whose key is missing was not tried. Raises MailUnavailableError where none could be sent.
        """
        import aiosmtplib  # noqa: PLC0415  (an optional extra)

        done: dict[str, str | None] = {}
        try:
            async with asyncio.timeout(CONNECT_SECONDS + SECONDS_A_MAIL * len(mails)):
                client = aiosmtplib.SMTP(**self._where())
                async with client:
                    for mail in mails:
                        done[mail.key] = await self._send_one(client, mail)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            if not done:
                raise MailUnavailableError(type(error).__name__) from error
        return done

    async def _send_one(self, client: "aiosmtplib.SMTP", mail: Mail) -> str | None:
        import aiosmtplib  # noqa: PLC0415

        try:
            await client.send_message(_message(mail, self.sender), timeout=SECONDS_A_MAIL)
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPResponseException) as error:
            # Its text may repeat the address.
            return type(error).__name__
        return None

    def _where(self) -> dict[str, Any]:
        parts = urlsplit(self.url)
        user = {} if parts.username is None else {"username": unquote(parts.username)}
        password = {} if parts.password is None else {"password": unquote(parts.password)}
        return {
            "hostname": parts.hostname,
            "port": parts.port or _PORTS[parts.scheme],
            "use_tls": parts.scheme == "smtps",
            "timeout": CONNECT_SECONDS,
            **user,
            **password,
        }


def is_available() -> bool:
    """Return whether the extra `mail` is installed."""
    return find_spec("aiosmtplib") is not None


def _message(mail: Mail, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{mail.key}@classdrop>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message
