"""Pure rules of codes, wallets and the states of coupons."""
