"""SQL of templates, campaigns, batches, budgets and stops."""
