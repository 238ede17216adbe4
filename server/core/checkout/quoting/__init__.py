"""Quotes: which coupons an order may use, what they take off together, and which choice is the best.

`quotes.py` is where to begin. Uses the orders, terms and money rules of `core/checkout/`; redemptions and
balances use it.
"""
