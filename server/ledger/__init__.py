"""The ledger: SQL, and nothing but SQL. The truth about money and ownership.

`engine` gives connections, `tables` and `migrate` the schema; every other file is one aggregate:
functions that take the connection of the caller's transaction first. Used by flows, the API (for
plain reading) and workers. Broken constraints pass as SQLAlchemy's IntegrityError; a database that
is away is `engine.LedgerUnavailableError`.
"""
