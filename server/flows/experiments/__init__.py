"""Runs experiments and reads their results."""
