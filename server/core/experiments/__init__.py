"""Rules of experiments: who gets which variant, and what the figures say."""
