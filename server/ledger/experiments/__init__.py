"""Stores experiments and what their students did."""
