"""SQL of quotes, orders, redemptions, refunds and balances."""
