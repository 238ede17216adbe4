"""Pure rules of quotes, orders, redemptions, refunds and balances."""
