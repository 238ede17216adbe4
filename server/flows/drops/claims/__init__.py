"""Claims from the desk's outbox on their way into the ledger.

Called by the worker; `persist_claims.py` is where to begin. Uses `views/`.
"""
