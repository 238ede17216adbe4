"""HTTP calls of draws: drops whose winners are drawn among all entries."""
