"""Programs that take a figure which a decision names, on processes and data of their own. No tests."""
