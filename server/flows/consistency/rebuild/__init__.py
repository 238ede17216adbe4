"""Rebuild of a desk shard from the ledger, after a loss of Redis and as a repair.

`rebuild_desk.py` is where to begin. Called by the worker and repair.py; knows no checks.
"""
