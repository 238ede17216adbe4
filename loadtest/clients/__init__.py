"""What every tester needs to act as somebody: tokens, WebSocket frames, and the school's HTTP calls.

Used by `storm`, `lesson` and `bench`. Must not know how many students there are or when they act.
"""
