"""The fault bench: a small school of real processes under faults, and a checker of the promises.

`python -m tests.chaos` (or `make chaos`) runs it as long as one likes, tests/system/test_chaos.py runs it for
a minute. It follows Jepsen: clients write down what they sent and received (`history.py`), a nemesis kills,
stops and disconnects processes and writes that down too (`nemesis.py`), and once everything is healed a pure
function compares the history with what ledger, desk and students' screens say (`checker.py`).
"""
