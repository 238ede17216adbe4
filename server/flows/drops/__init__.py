"""Use cases of drops, their claims and their holds."""
