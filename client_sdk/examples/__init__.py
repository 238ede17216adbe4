"""Worked examples: what a school builds on the SDK. They are run by tests."""
