"""Use cases of quotes, orders, redemptions, refunds and balances."""
