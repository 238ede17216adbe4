"""The WebSocket part: thousands of students on one event loop, no task or queue for any of them.

Read `session.py` (what is legal), `connection.py` (bytes), `room.py` (what a room shows),
`rooms.py` (where that comes from), `gateway.py` (all of it together).
"""
