"""Processes of the service: how they are composed, started, supervised and drained."""
