"""Use cases of what the school hears of: the numbered log, webhooks, messages and triggers."""
