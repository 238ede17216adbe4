"""Use cases of codes, wallets and the states of coupons."""
