"""Use cases of drops, their claims and their holds.

`drop_service.py` has the actions of a teacher. It writes them down (`changes/`) and carries them out
(`intents/`). `claims/` brings the desk's claims into the ledger, `views/` reads drops and shows them.
"""
