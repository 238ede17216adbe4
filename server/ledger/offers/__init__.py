"""SQL of offers: one unit kept for one student."""
