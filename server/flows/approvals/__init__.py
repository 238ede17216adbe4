"""Asks for, gives and refuses approvals."""
