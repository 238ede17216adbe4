"""News from the feed on their way to the students of open rooms.

`feed_follower.py` is where to begin. Used by gateway.py and `joins/`.
"""
