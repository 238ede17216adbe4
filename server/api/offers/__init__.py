"""HTTP calls of offers: one unit kept for one student."""
