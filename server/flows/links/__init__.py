"""Use cases of links: ways to claim outside a room."""
