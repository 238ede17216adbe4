"""The rules of the business, and nothing else: no IO, no clock, no randomness, no framework.

Instants are integers of milliseconds since 1970 UTC (`_ms`, `_at`); money is an integer of the currency's
minor unit. `now`, seeds and ids are arguments. Every layer may import this package; it imports no other of
ours.
"""
