"""Rules of links: ways to claim outside a room."""
