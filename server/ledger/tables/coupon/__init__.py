"""Tables of coupons, and of the ways to them that need no live room."""
