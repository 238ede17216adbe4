"""Rules of alerts: when somebody must look, and which act mends it."""
