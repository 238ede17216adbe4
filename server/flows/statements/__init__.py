"""Use cases of statements: what finance books for each day."""
