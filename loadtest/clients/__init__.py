"""Tokens, WebSocket frames and the school's HTTP calls: the parts with which a tester acts as somebody.

Used by `storm`, `lesson` and `bench`. Must not know how many students there are or when they act.
"""
