"""HTTP calls of templates, campaigns, batches, budgets and stops."""
