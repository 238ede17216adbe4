"""Alembic's entry: runs the revisions on the connection that `server.ledger.migrate` hands over,
inside that caller's transaction. Knows no URL and makes no connection.
"""

from alembic import context

from server.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,  # for its naming convention: constraints get the names of tables/
    render_as_batch=True,  # SQLite cannot alter a constraint in place
)
with context.begin_transaction():
    context.run_migrations()
