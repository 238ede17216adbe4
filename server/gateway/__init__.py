"""The WebSocket part: thousands of students on one event loop, with no task or queue for any of them.

Read in this order: `session.py` (which message is legal), `connection.py` (one socket) with its two protocols
`common_protocol.py` and `library_protocol.py`, `taps.py` (claims), `room.py` (what a room shows),
`feed_follower.py` (where that comes from), `gateway.py` and `factory.py` (how it is put together).
"""
