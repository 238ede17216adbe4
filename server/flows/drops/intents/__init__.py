"""Intents: what desk and room have to be told of a change that the ledger has decided.

Driven by the flows that have written them, and by workers. `drive_intents.py` is where to begin. Uses
`views/`.
"""
