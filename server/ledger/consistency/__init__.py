"""SQL for comparing desk and ledger, and repairing them."""
