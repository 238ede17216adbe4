"""Shards of the desk as a whole: the fence and the rebuild behind it, and reading all that one has.

Called by the worker, the rebuild and doctor. Uses `claims/`.
"""
