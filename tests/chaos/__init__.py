"""A fault bench of our own: a small school of real processes under faults, and a checker of the promises.

`python -m tests.chaos` (or `make chaos`) runs it as long as one likes, tests/system/test_chaos.py for a
minute. The shape is that of Jepsen: clients write down what they asked and what they were told
(`history.py`), a nemesis kills, stops and cuts and writes that down too (`nemesis.py`), and when all has
been healed a pure function holds the history against what ledger, desk and screens say (`checker.py`).
"""
