"""SQL of reports: sums by day, and where coupons of events came from."""
