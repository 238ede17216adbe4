"""SQL of drops, their claims and their holds."""
