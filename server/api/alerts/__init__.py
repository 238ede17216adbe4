"""Serves alerts."""
