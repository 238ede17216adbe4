"""Use cases for comparing desk and ledger, and repairing them.

`doctor.py` runs the `checks/`, `repair.py` mends what they find by the `rebuild/` of a shard, `examine.py` is
both for the commands. `measure_difference.py` is what the worker watches all the time.
"""
