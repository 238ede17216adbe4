"""Flows of reports: what rolls events up into sums, and what reads them."""
