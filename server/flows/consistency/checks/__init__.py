"""Checks of doctor: each module compares one part of ledger and desk, and changes nothing.

Called by doctor.py and examine.py. Reads the desk as the `rebuild/` would load it.
"""
