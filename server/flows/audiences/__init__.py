"""Use cases of who is meant: students and what is known of them, lists, tags and rules."""
