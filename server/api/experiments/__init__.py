"""Serves experiments."""
