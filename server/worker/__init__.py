"""The worker part: what has to happen whether or not anybody is asking.

`claims_loop.py` moves claims from the outbox to the ledger; `worker.py` runs that and everything
that is due every so often. Any number of workers may run; each job bears being done twice.
"""
