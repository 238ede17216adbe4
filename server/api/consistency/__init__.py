"""HTTP calls that look for faults of desk and ledger, and repair them."""
