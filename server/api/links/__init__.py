"""HTTP calls of links: ways to claim outside a room."""
