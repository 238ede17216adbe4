"""`python -m server migrate`: upgrade the ledger to this version's schema.

Called by the release phase of a deployment, and by `run` for the embedded ledger. It may be repeated, and
run by several processes at once.
"""

import asyncio

import structlog
from asyncpg import ClientConfigurationError, PostgresError
from sqlalchemy.exc import SQLAlchemyError

from server.commands import CommandError
from server.configuration.settings import Settings
from server.ledger import migrate
from server.ledger.database_errors import LedgerUnavailableError
from server.observability.logs import redacted


def migrate_configured(settings: Settings) -> None:
    """Upgrade the configured ledger.

    Raises CommandError: status 2 without a database URL or where the database refuses, 1 where it does not
    respond.
    """
    if not settings.database_url:
        raise CommandError(
            "CLASSDROP_DATABASE_URL is missing; the embedded ledger is migrated by every start."
        )
    _upgrade(settings.database_url)
    structlog.get_logger().info("migrated")


async def migrate_embedded(url: str) -> None:
    # In a thread, because Alembic runs an event loop of its own.
    await asyncio.to_thread(_upgrade, url)


def _upgrade(url: str) -> None:
    try:
        migrate.upgrade(url)
    except LedgerUnavailableError as error:
        why = redacted(str(error))
        raise CommandError(f"CLASSDROP_DATABASE_URL: no answer: {why}", status=1) from error
    except (SQLAlchemyError, PostgresError, ClientConfigurationError) as error:
        why = redacted(str(error))
        raise CommandError(f"CLASSDROP_DATABASE_URL: cannot migrate: {why}") from error
