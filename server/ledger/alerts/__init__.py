"""Stores alerts."""
