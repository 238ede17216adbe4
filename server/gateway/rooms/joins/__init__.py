"""Joins: students on their way into a room, and the rooms that are loaded for the first of them.

`join_queue.py` is where to begin. Used by gateway.py; uses `feed/`.
"""
