"""Raises alerts, ends them, and carries out their acts."""
