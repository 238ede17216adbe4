"""Stores what waits for a second person."""
