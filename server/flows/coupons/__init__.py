"""Use cases of codes, wallets and the states of coupons.

`issuing/` has coupons that go out without a tap. The modules here are those of coupons already issued, of
typed codes, and of what every way to a coupon shares (`new_coupons.py`, `load_caps.py`).
"""
