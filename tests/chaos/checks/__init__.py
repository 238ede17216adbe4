"""Checks of the history: each promise, and who waited too long."""
