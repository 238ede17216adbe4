"""The command line: `python -m server [web|worker|migrate|doctor|token|desk-bench]`.

Parses the arguments and calls one command. Only that command is imported: importing all of them takes two
seconds of CPU.
"""

import argparse
import asyncio
import gc
import os
import sys
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from server.commands import CommandError
from server.configuration.settings import Settings, SettingsError, read_settings
from server.core.identity import RIGHTS, Role
from server.observability.logs import configure_logs, hide_in_logs

if TYPE_CHECKING:
    from server.commands.token import TokenRequest


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Return the exit status: 0, 1 where a retry may help, 2 where it cannot."""
    args = _parser().parse_args(arguments)
    try:
        settings = read_settings()
        configure_logs(args.role or "run", form=settings.log_format)
        hide_in_logs(settings.secret_texts())
        _dispatch(settings, args)
    except SettingsError as error:
        return _refuse(error.problems, 2)
    except CommandError as error:
        return _refuse(error.lines, error.status)
    return 0


def _dispatch(settings: Settings, args: argparse.Namespace) -> None:
    match args.role:
        case "migrate":
            from server.commands.migrate import migrate_configured

            migrate_configured(settings)
        case "token":
            from server.commands.token import write_tokens

            write_tokens(settings, _token_request(args), args.out)
        case _:
            _run_until_stopped(settings, args)


def _run_until_stopped(settings: Settings, args: argparse.Namespace) -> None:
    with _no_garbage_collection():
        from server.commands.process.signals import until_signalled

        command = _command(settings, args)
    # The supervisor uses asyncio's own loop: it moves no data, and that loop watches child processes better.
    run = asyncio.run if args.role is None else uvloop.run
    run(until_signalled(command))


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Import without collections. They look for garbage among modules, where there is none, and take a sixth
    of the CPU of a start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _command(settings: Settings, args: argparse.Namespace) -> Coroutine[object, object, None]:
    match args.role:
        case "web":
            from server.commands.web import WebChildOptions, web

            return web(
                settings, WebChildOptions(args.number, args.listen_fd, args.up_fd, args.demo_links)
            )
        case "worker":
            from server.commands.worker import worker

            return worker(settings, args.up_fd)
        case "doctor":
            from server.commands.doctor import doctor

            return doctor(settings, repair=args.repair, as_json=args.json)
        case "desk-bench":
            from server.commands.desk_bench import desk_bench

            return desk_bench(args.what, args.seconds)
        case _:
            from server.commands.run import run

            return run(settings)


def _refuse(lines: Sequence[str], status: int) -> int:
    for line in lines:
        print(f"classdrop: {line}", file=sys.stderr)  # noqa: T201  (for a person, not a log)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m server",
        description="Without a role: run everything on this machine, with a demo room.",
        epilog="Settings are read from CLASSDROP_* variables; README.md lists them.",
    )
    roles = parser.add_subparsers(dest="role", metavar="role")
    web_parser = roles.add_parser("web", help="serve pages, API and sockets")
    worker_parser = roles.add_parser(
        "worker", help="write claims to the ledger, and run all background jobs"
    )
    for name in ("--number", "--listen-fd"):
        web_parser.add_argument(name, type=int, help=argparse.SUPPRESS)
    web_parser.add_argument("--demo-links", type=Path, help=argparse.SUPPRESS)
    for child in (web_parser, worker_parser):
        child.add_argument("--up-fd", type=int, help=argparse.SUPPRESS)
    roles.add_parser("migrate", help="upgrade the ledger's schema to this version")
    _doctor_arguments(roles.add_parser("doctor", help="check desk and ledger, and repair them"))
    _bench_arguments(
        roles.add_parser("desk-bench", help="measure the claims a second of the desk alone")
    )
    _token_arguments(roles.add_parser("token", help="sign JWTs"))
    return parser


def _doctor_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--repair", action="store_true", help="repair what can be repaired without loss")
    add("--json", action="store_true", help="print JSON")


def _bench_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("what", nargs="*", help="claims in a call (1 to 500) or redis-benchmark; default: several")
    add("--seconds", type=float, default=2.0, help="duration of each measurement")


def _token_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--role", dest="token_role", required=True, choices=[role.value for role in Role])
    add("--sub", required=True, metavar="ID")
    add("--room", action="append", default=[], metavar="ROOM", help="may be repeated")
    add("--tag", action="append", default=[], metavar="TAG", help="may be repeated")
    add("--may", action="append", default=[], choices=list(RIGHTS), help="a right beyond the role")
    add("--ttl", type=int, metavar="SECONDS", help="default: 12 hours")
    add("--count", type=int, metavar="N", help="N tokens for ID0, ID1, ...")
    add("--out", type=Path, metavar="FILE", help="one token a line, readable by you only")


def _token_request(args: argparse.Namespace) -> "TokenRequest":
    from server.commands.token import DEFAULT_TTL_SECONDS, TokenRequest

    return TokenRequest(
        role=Role(args.token_role),
        subject=args.sub,
        rooms=tuple(args.room),
        tags=tuple(args.tag),
        may=tuple(args.may),
        ttl_seconds=DEFAULT_TTL_SECONDS if args.ttl is None else args.ttl,
        count=args.count,
    )


if __name__ == "__main__":
    # The files of a command (database, tokens, data folder) must be readable only by their owner.
    os.umask(0o077)
    sys.exit(main())
