"""Logs, metrics, traces and health, and the alert rules and the dashboard that go with them.

Used by every layer above core. Leaves: they import nothing else of ours.
"""
