"""Use cases for comparing desk and ledger, and repairing them."""
