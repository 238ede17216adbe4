"""The jobs of a worker, one module for each group; `table.py` puts them together."""
