"""Pure rules of drops, their claims and their holds."""
