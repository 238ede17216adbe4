"""The WebSocket part: thousands of students on one event loop, with no task or queue for any of them.

`sockets/` has one client's connection: read `session.py` (which message is legal), `connection.py` (one
socket) and its two protocols `common_protocol.py` and `library_protocol.py`. `rooms/` has what a room shows:
`room.py` and `feed_follower.py` (where that comes from). On top lie `taps.py` (claims), `gateway.py` and
`factory.py` (how it is put together).
"""
