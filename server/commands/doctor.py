"""`python -m server doctor`: check that desk and ledger keep their invariants, report and repair violations.

Needs no secret and serves no requests. It may run at any time beside the service, and twice at once.
Exit status: 0 nothing is wrong (or all is repaired), 1 something is wrong, 2 the check could not be made.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace

import orjson

from server.commands import CommandError
from server.commands.data_folder import DataFolder
from server.commands.examining import examine
from server.configuration.settings import Settings
from server.core import instants
from server.desk import DeskUnavailableError
from server.desk.redis.embedded import EmbeddedRedis
from server.flows.consistency.examine import Report
from server.flows.consistency.findings import Finding, FindingKind
from server.ledger.database_errors import LedgerUnavailableError
from server.observability.logs import redacted

_COULD_NOT_LOOK = 2
_LISTED_PER_KIND = 20  # findings of one kind and drop; the text counts the rest, the JSON lists all


async def doctor(settings: Settings, *, repair: bool = False, as_json: bool = False) -> None:
    """Print the findings. Raises CommandError: status 1 where something is wrong, 2 where it cannot check."""
    try:
        report = await examine(_with_embedded(settings), repair=repair)
    except (CommandError, DeskUnavailableError, LedgerUnavailableError) as error:
        why = error.lines if isinstance(error, CommandError) else [redacted(str(error))]
        raise _could_not_look(why, as_json=as_json) from error
    except asyncio.CancelledError:
        raise _could_not_look(["stopped before it was done"], as_json=as_json) from None
    sys.stdout.write(format_json(report) if as_json else format_text(report))
    if not report.is_well:
        raise CommandError(status=1)


def _could_not_look(why: Sequence[str], *, as_json: bool) -> CommandError:
    if as_json:
        sys.stdout.write(orjson.dumps({"ok": None, "could_not_look": list(why)}).decode() + "\n")
    return CommandError(*(f"could not look: {line}" for line in why), status=_COULD_NOT_LOOK)


def _with_embedded(settings: Settings) -> Settings:
    """Fill in a missing URL with the Redis or ledger that `python -m server` keeps in the data folder."""
    folder = DataFolder(settings.data_dir)
    if not (settings.redis_url and settings.database_url) and not folder.path.is_dir():
        raise CommandError(
            "CLASSDROP_REDIS_URL and CLASSDROP_DATABASE_URL are not both set, and there is no "
            f"service of its own in {folder.path}."
        )
    return replace(
        settings,
        redis_url=settings.redis_url or EmbeddedRedis(folder.redis).url,
        database_url=settings.database_url or folder.database_url,
        secrets=settings.secrets or tuple(filter(None, [folder.kept_secret()])),
    )


def format_text(report: Report) -> str:
    size = report.looked_at
    lines = [f"looked at {size.drops} drops ({size.open_drops} open) of {size.batches} batches"]
    lines += [f"{'done' if one.is_done else 'NOT done'}: {one.what}" for one in report.repairs]
    if report.is_well:
        lines.append("all is well: desk and ledger agree, and the books add up")
    else:
        lines.append(f"{len(report.findings)} things are wrong:")
        lines += _lines_of(report.findings)
    return "\n".join(lines) + "\n"


def _lines_of(findings: Sequence[Finding]) -> list[str]:
    lines, counts = [], dict[tuple[FindingKind, str | None], int]()
    for one in findings:
        same = (one.kind, one.drop)
        counts[same] = counts.get(same, 0) + 1
        if counts[same] <= _LISTED_PER_KIND:
            when = f" ({instants.to_text(one.at)})" if one.at is not None else ""
            lines += [f"- {one.what}{when}", f"  what to do: {one.todo}"]
    for (kind, drop), count in counts.items():
        if count > _LISTED_PER_KIND:
            lines.append(
                f"- and {count - _LISTED_PER_KIND} more of drop {drop} ({kind}); --json has all"
            )
    return lines


def format_json(report: Report) -> str:
    answer = {
        "ok": report.is_well,
        "looked_at": asdict(report.looked_at),
        "findings": [_fields(one) for one in report.findings],
        "repairs": [{"what": one.what, "done": one.is_done} for one in report.repairs],
    }
    return orjson.dumps(answer).decode() + "\n"


def _fields(finding: Finding) -> dict[str, object]:
    """Return the fields that are set, with times as texts."""
    fields = {name: value for name, value in asdict(finding).items() if value is not None}
    if finding.at is not None:
        fields["at"] = instants.to_text(finding.at)
    return fields
