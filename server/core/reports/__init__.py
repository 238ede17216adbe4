"""Rules of reports: the sums that events add to, and the figures that follow from them."""
