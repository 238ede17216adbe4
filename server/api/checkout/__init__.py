"""HTTP calls of quotes, orders, redemptions, refunds and balances."""
