"""The worker part: work that has to be done whether or not a request comes in.

Read `jobs/table.py` (what runs, and how often), `worker.py` (how it is run) and `claims_loop.py` (claims
from the outbox to the ledger). Any number of workers may run: each job may be done twice.
"""
