"""Tables of what coupons are worth and may cost: templates, campaigns, batches, limits, price rules."""
