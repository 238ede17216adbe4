"""Rules of the running order of a lesson and its rehearsal."""
