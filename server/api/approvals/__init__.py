"""Serves approvals."""
