"""A mail server of the test's own: takes what is sent to it, and refuses or hangs where a test says so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Mailbox:
    """`mails`: (recipient, whole text). `refused`: recipients that are refused with 550. `is_busy`: nobody is
    let in, with 421."""

    port: int = 0
    mails: list[tuple[str, str]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    is_busy: bool = False

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


@asynccontextmanager
async def mail_server() -> AsyncIterator[Mailbox]:
    box = Mailbox()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _session(box, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has hung up
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    async with server:
        yield box


async def _session(
    box: Mailbox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    if box.is_busy:
        writer.write(b"421 busy\r\n")
        return
    writer.write(b"220 test\r\n")
    recipient = ""
    while line := (await reader.readline()).decode().strip():
        word = line.partition(" ")[0].upper()
        if word == "RCPT":
            recipient = line.partition("<")[2].partition(">")[0]
            is_refused = recipient in box.refused
            writer.write(b"550 unknown\r\n" if is_refused else b"250 ok\r\n")
        elif word == "DATA":
            writer.write(b"354 go on\r\n")
            text = await reader.readuntil(b"\r\n.\r\n")
            box.mails.append((recipient, text.decode()))
            writer.write(b"250 taken\r\n")
        elif word == "QUIT":
            writer.write(b"221 bye\r\n")
            return
        else:
            writer.write(b"250 ok\r\n")
