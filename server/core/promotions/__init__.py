"""Pure rules of templates, campaigns, batches, budgets and stops."""
