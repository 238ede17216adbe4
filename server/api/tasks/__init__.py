"""HTTP calls of tasks: what a student does before a claim counts."""
