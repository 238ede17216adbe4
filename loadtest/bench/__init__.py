"""The project's benchmark: `python -m loadtest bench`, `make bench`.

Read `scenario.py` first (what a scenario is), then `scenario_list.py`; each scenario has a file in
`scenarios/`. `rounds.py` runs them and takes medians, `tables.py` renders the results, `command.py` is the
command line. `results.json` is the run that the project's README shows.
"""
