"""Views of a drop: what its teacher, its room and its students are shown of it.

Reads ledger and desk and changes no drop. Used by the rest of `flows/drops/`, of which it imports nothing.
"""
