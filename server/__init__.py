"""Classdrop's server. Read the packages in this order:

1. `core/`     the pure rules: money, windows, states, outcomes. No IO.
2. `desk/`     Redis: decides claims and publishes to rooms. `ledger/`: SQL: stores money and ownership.
3. `flows/`    the use cases across desk and ledger, in an order of steps that survives a crash at any line.
4. `gateway/`, `api/`, `worker/`: sockets, HTTP and background jobs, which call the flows.
5. `commands/` and `__main__`: the command line, and the composition roots that connect all parts.

`ARCHITECTURE.md` has the glossary, the promises and the diagrams.
"""
