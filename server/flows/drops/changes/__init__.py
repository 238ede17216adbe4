"""Changes of a drop, as decisions in the ledger: one transaction each, and the intent that it leaves.

Called by drop_service.py and by what closes drops for others. Uses `views/` and the payloads of `intents/`.
"""
