"""Tables of the numbered log and of its readers: triggers, webhooks, reports."""
