"""The project's benchmark: `python -m loadtest bench`, `make bench`.

Read `scenario.py` (what a scenario is), then `scenarios.py` (which there are); each has a file.
`rounds.py` runs them and takes medians, `tables.py` renders what they wrote, `command.py` is the
command. `figures.json` is the run that the project's README shows.
"""
