"""HTTP calls of drops, their claims and their holds."""
