"""Use cases: the order of their steps, and what holds when one of them fails.

Called by the API, the gateway and the worker. Every step may be repeated.
"""
