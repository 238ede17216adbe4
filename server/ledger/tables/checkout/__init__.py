"""Tables of the checkout: orders, balances, statements of the days."""
