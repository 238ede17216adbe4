"""Helpers of the tests, in a folder for each purpose. Every module's fixtures are available to all tests.

- `servers`: Redis, PostgreSQL, ledgers, and roles of the service as processes
- `clients`: programs that use the service: students, floods, lessons, raw sockets
- `builders`: templates, batches, orders, wallets and whole classrooms in a few lines
- `faults`: what goes wrong: interrupted calls, killed services, corrupted rows
- `machines`: models of the desk and the feed, and the Hypothesis machines that compare them
"""
