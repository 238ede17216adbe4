"""The ledger: the only package that talks to the SQL database, which is the truth about money and ownership.

`engine` gives connections, `tables` and `migrate` the schema. Every other file is one aggregate: functions
whose first argument is the connection of the caller's transaction. Used by flows, workers and, for plain
reading, the API.

Errors: a broken constraint is passed on as SQLAlchemy's IntegrityError; a database that is away raises
`database_errors.LedgerUnavailableError`.

Lock order, the same in every transaction, so that two of them wait for each other and never deadlock: desk
shards, drops, redemptions, coupons (by id), template uses, balances, batches, campaigns, budgets (money
before pieces).
"""
