"""Drops on the desk: their stock and window, their draw, their tasks, and what a merge of accounts moves.

Called by flows, and for reading by gateway and API. Uses `claims/` and `shards/`.
"""
