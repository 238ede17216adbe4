"""The storm: one drop into a full room, with asyncio clients in processes of their own.

Read `classroom.py` first (the steps of a run), then `worker_pool.py`, `client_process.py` and `student.py`,
from the outside in. `recording.py` holds the samples, `results.py` computes the results, `report.py` and
`command.py` show them.
"""
