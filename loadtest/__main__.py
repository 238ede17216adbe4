"""The load tester's command line: `python -m loadtest storm | lesson | bench | history`.

Exit status 0: every promise and gate held. 1: one did not. 2: the run was not possible.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from loadtest.gates import Gate, parse_gate


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtest", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_storm(commands.add_parser("storm", help="one drop into a full room"))
    _add_lesson(commands.add_parser("lesson", help="a whole lesson with Locust's users"))
    _add_bench(commands.add_parser("bench", help="the measurements of the README"))
    _add_history(commands.add_parser("history", help="old claims in bulk, into a ledger"))
    _add_compare(commands.add_parser("compare", help="two storms side by side, as HTML"))
    args = parser.parse_args(arguments)
    # SIGTERM ends the started processes in order, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    run: Callable[[argparse.Namespace], int] = args.run
    try:
        return run(args)
    except KeyboardInterrupt:
        return 130


def _add_storm(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--students", type=_positive, default=1_000)
    parser.add_argument("--stock", type=_positive, default=100)
    parser.add_argument(
        "--processes", type=_positive, help="of the tester (default: one for each 19,000)"
    )
    parser.add_argument("--room", help="default: one of its own")
    parser.add_argument(
        "--rooms", type=_positive, default=1, help="spread over so many; the drop goes to the first"
    )
    parser.add_argument(
        "--joins-per-second", type=float, default=1_000, help="0: all at once (default: 1000)"
    )
    parser.add_argument(
        "--reaction-ms", type=int, default=0, help="each taps within so long (default: at once)"
    )
    parser.add_argument(
        "--seen",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="say that the card was seen, within 3 s, as the SDKs do",
    )
    parser.add_argument("--answer-seconds", type=float, default=30, help="waited for answers")
    parser.add_argument("--batch", help="drop from this batch; default: one is made")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the results")
    parser.add_argument("--html", type=Path, help="write a report with plots")
    _add_gates(parser)
    add_target(parser)
    parser.set_defaults(run=_storm)


def _add_lesson(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--students", type=_positive, default=200)
    parser.add_argument("--stock", type=_positive, default=50, help="of each drop")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--drop-every", type=float, default=15, help="seconds between two drops")
    parser.add_argument("--room", help="default: one of its own")
    parser.add_argument("--batch", help="drop from this batch; default: one is made")
    parser.add_argument("--html", type=Path, default=Path("reports/load.html"))
    _add_gates(parser)
    add_target(parser)
    parser.set_defaults(run=_lesson)


def _add_bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rounds",
        type=_positive,
        default=3,
        help="how often each scenario runs; those that take long run once",
    )
    parser.add_argument(
        "--only", type=_names, default=[], metavar="NAME,…", help="scenarios (default: all)"
    )
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it work at all?")
    parser.add_argument("--json", type=Path, default=Path("reports/bench.json"))
    parser.add_argument("--table", type=Path, metavar="JSON", help="only render this file's tables")
    parser.add_argument(
        "--publish", type=Path, metavar="JSON", help="only put this file's tables into the README"
    )
    parser.set_defaults(run=_bench)


def _add_history(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database-url", required=True, help="of a migrated ledger")
    parser.add_argument("--claims", type=_positive, default=2_000_000)
    parser.add_argument("--batches", type=_positive, default=200)
    parser.add_argument("--shard", type=int, help="all on this desk shard (default: spread evenly)")
    parser.add_argument("--name", default="old", help="begins every id")
    parser.set_defaults(run=_history)


def _add_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", type=Path, help="what `storm --json` wrote")
    parser.add_argument("second", type=Path, help="the same of a later run")
    parser.add_argument("--html", type=Path, default=Path("reports/compare.html"))
    parser.set_defaults(run=_compare)


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _add_gates(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fail-on", nargs="+", action="extend", type=_gate, default=[], metavar="GATE",
        help="for example p99_push_ms=500",
    )  # fmt: skip


def _gate(text: str) -> Gate:
    try:
        return parse_gate(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_target(parser: argparse.ArgumentParser) -> None:
    target = parser.add_argument_group("target", "default: a server of its own, gone afterwards")
    target.add_argument("--url", help="a server that runs already")
    target.add_argument("--secret-file", type=Path, help="with --url: the school's secret")
    target.add_argument("--token-file", type=Path, help="with --url: one token a line, all roles")
    target.add_argument(
        "--server-processes", type=_positive, default=1, help="without --url: its web processes"
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


# These modules are imported by the command that needs them: a lesson's process must not load the storm's
# libraries, and the reverse.


def _storm(args: argparse.Namespace) -> int:
    from loadtest.storm.command import storm_command  # noqa: PLC0415

    return storm_command(args)


def _lesson(args: argparse.Namespace) -> int:
    from loadtest.lesson.command import lesson_command  # noqa: PLC0415

    return lesson_command(args)


def _compare(args: argparse.Namespace) -> int:
    from loadtest.storm.compare import compare_command  # noqa: PLC0415

    return compare_command(args)


def _bench(args: argparse.Namespace) -> int:
    from loadtest.bench.command import bench_command  # noqa: PLC0415

    return bench_command(args)


def _history(args: argparse.Namespace) -> int:
    from loadtest.history import HistoryPlan, write_history  # noqa: PLC0415

    history = HistoryPlan(
        args.claims,
        int(time.time() * 1000),
        batches=args.batches,
        shard=args.shard,
        name=args.name,
    )
    write_history(args.database_url, history)
    return 0


if __name__ == "__main__":
    sys.exit(main())
