"""Use cases of offers: one unit kept for one student."""
