"""Use cases of templates, campaigns, batches, budgets and stops."""
