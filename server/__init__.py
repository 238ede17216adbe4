"""Classdrop's server. Read it in this order:

1. `core/`     what is true whatever the machinery: money, windows, states, outcomes. Pure.
2. `desk/`     Redis: who is first, and what the room is told. `ledger/`: SQL: who owns what.
3. `flows/`    the use cases across both, in the order that survives a crash at any line.
4. `gateway/`, `api/`, `worker/`: how people and machines reach the flows.
5. `__main__`  where all of it is wired together.

`ARCHITECTURE.md` has the words, the promises and the pictures.
"""
