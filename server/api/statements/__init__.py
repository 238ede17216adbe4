"""HTTP calls of statements: what finance books for each day."""
